/** Runs a command line and turns whatever happens into an exit code. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { CommanderError } from "commander";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { type Environment, OutputClosed } from "./environment.ts";
import { makeProgram } from "./program.ts";

/** Parses and runs; never throws. */
export async function run(args: readonly string[], environment: Environment): Promise<number> {
  const program = makeProgram(environment);
  let written = Promise.resolve();
  const configure = (command: CommandUnknownOpts): void => {
    command.exitOverride();
    command.configureOutput({
      writeOut: (text: string) => {
        written = written.then(() => environment.stdout(text));
      },
      writeErr: (text: string) => environment.stderr(text),
    });
    command.commands.forEach(configure);
  };
  configure(program);
  try {
    await program.parseAsync([...args], { from: "user" });
    await written;
    return ExitCode.ok;
  } catch (error) {
    return await exitCodeOf(error, written, environment);
  }
}

async function exitCodeOf(
  error: unknown,
  written: Promise<void>,
  environment: Environment,
): Promise<number> {
  if (error instanceof CommanderError) {
    // Help and version end here too, with code 0.
    try {
      await written;
    } catch (failure) {
      return await exitCodeOf(failure, Promise.resolve(), environment);
    }
    return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  }
  if (error instanceof OutputClosed) return ExitCode.ok;
  if (error instanceof UserError) {
    environment.stderr(`Error: ${error.message}\n`);
    return error.exitCode;
  }
  environment.stderr(
    `Internal error: ${messageOf(error)}\n${
      error instanceof Error && error.stack !== undefined ? `${error.stack}\n` : ""
    }This is a defect of ardiff: please report it with the command that led to it.\n`,
  );
  return ExitCode.internal;
}
