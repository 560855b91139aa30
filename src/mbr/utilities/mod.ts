/** The utilities by the names that the command line uses. */

import type { UtilityName } from "../names.ts";
import { bleu } from "./bleu.ts";
import { chrf } from "./chrf.ts";
import { rougeL } from "./rouge_l.ts";
import { tokenF1 } from "./token_f1.ts";
import type { Utility } from "./utility.ts";

/** Every utility. */
export const utilities: Readonly<Record<UtilityName, Utility>> = {
  "bleu": bleu,
  "chrf": chrf,
  "rouge-l": rougeL,
  "token-f1": tokenF1,
};
