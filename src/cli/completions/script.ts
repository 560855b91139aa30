/** The script that teaches a shell to complete the command lines of a program. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { bashCompletions } from "./bash.ts";
import { fishCompletions } from "./fish.ts";
import { commandNodes } from "./nodes.ts";
import { zshCompletions } from "./zsh.ts";

const WRITERS = { bash: bashCompletions, zsh: zshCompletions, fish: fishCompletions } as const;

/** Writes the script. @param models names of the models that come with the program */
export function completionScript(
  shell: keyof typeof WRITERS,
  program: CommandUnknownOpts,
  models: readonly string[],
): string {
  return WRITERS[shell](commandNodes(program), models);
}
