/** The utilities by the names that the command line uses. */

import { bleu } from "./bleu.ts";
import { chrf } from "./chrf.ts";
import { rougeL } from "./rouge_l.ts";
import { tokenF1 } from "./token_f1.ts";
import type { Utility } from "./utility.ts";

/** The name of a utility. */
export type UtilityName = "bleu" | "chrf" | "rouge-l" | "token-f1";

/** Every utility. */
export const utilities: Readonly<Record<UtilityName, Utility>> = {
  "bleu": bleu,
  "chrf": chrf,
  "rouge-l": rougeL,
  "token-f1": tokenF1,
};
