/** Finds misspelt environment variables, which would silently do nothing. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { nearest } from "../nearest.ts";
import { leavesOf } from "./command_tree.ts";
import { settingsOf } from "./settings.ts";

/** Variables that are no option's. */
const OTHERS = [
  "ARDIFF_CACHE",
  "ARDIFF_EXECUTABLE",
  "ARDIFF_EXPORTED",
  "ARDIFF_HANGUP",
  "ARDIFF_LIBTORCH",
  "ARDIFF_NATIVE",
  "ARDIFF_STEP_GRAPH",
  "ARDIFF_TORCH_INDEX",
];

/**
 * A sentence for each name that is no variable of ardiff's but looks like one. Those that look like
 * none may be somebody else's.
 */
export function misspelt(names: readonly string[], program: CommandUnknownOpts): string[] {
  const settings = leavesOf(program).flatMap(settingsOf).map(({ variable }) => variable);
  const known = [...new Set([...settings, ...OTHERS])];
  const suffix = (name: string) => name.replace(/^ARDIFF_/, "");
  return names.filter((name) => name !== "" && !known.includes(name)).flatMap((name) => {
    const near = nearest(suffix(name), known.map(suffix));
    return near === undefined ? [] : [`Ignored the variable ${name}: did you mean ARDIFF_${near}?`];
  });
}
