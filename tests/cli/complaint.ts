/** Holds a command line against the program's declarations without running anything. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { CommanderError } from "commander";
import { makeProgram } from "../../src/cli/program.ts";
import { processEnvironment } from "../../src/host/environment.ts";

/** Why the program would refuse a command line; undefined where it would not. */
export async function complaint(args: readonly string[]): Promise<string | undefined> {
  const program = makeProgram(processEnvironment());
  silence(program);
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) return error.message;
  }
}

/** Makes a command tree throw where it would exit, and do nothing where it would act. */
function silence(command: CommandUnknownOpts): void {
  command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
  if (command.commands.length === 0) command.action(() => {});
  command.commands.forEach(silence);
}
