/** `ardiff completions`: command lines completed by the shell, from the command tree itself. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { bashCompletions } from "../cli/completions/bash.ts";
import { fishCompletions } from "../cli/completions/fish.ts";
import { commandNodes } from "../cli/completions/nodes.ts";
import { zshCompletions } from "../cli/completions/zsh.ts";
import { modelNames } from "../denoiser/model_path.ts";
import { printable } from "../printable.ts";

const WRITERS = { bash: bashCompletions, zsh: zshCompletions, fish: fishCompletions } as const;

/** Shells that can be taught. */
export type Shell = keyof typeof WRITERS;

/** The streams of the process, or of a test. */
export interface CompletionsIo {
  stdout(text: string): void | Promise<void>;
}

/** Prints the script for a shell. */
export async function completions(
  shell: Shell,
  program: CommandUnknownOpts,
  io: CompletionsIo,
): Promise<void> {
  const names = modelNames().filter((name) => printable(name) === name);
  await io.stdout(WRITERS[shell](commandNodes(program), names));
}
