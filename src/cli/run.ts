/** Runs a command line and turns whatever happens into an exit code. */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { type Environment, OutputClosed } from "../host/environment.ts";
import { tell, tellError } from "../host/messages.ts";
import { printable } from "../printable.ts";
import { VERSION } from "../version.ts";
import type { Manner } from "./command_line.ts";

/** Parses and runs; never throws. */
export async function run(args: readonly string[], environment: Environment): Promise<number> {
  const manner: Manner = { quiet: false, verbose: false };
  try {
    if (args.length === 1 && (args[0] === "--version" || args[0] === "-V")) {
      // Known without the command tree, whose loading would take most of the time.
      await environment.stdout(`${VERSION}\n`);
      return ExitCode.ok;
    }
    const { runCommandLine } = await import("./command_line.ts");
    return await runCommandLine(args, environment, manner);
  } catch (error) {
    return exitCodeOf(error, environment, manner);
  }
}

function exitCodeOf(thrown: unknown, environment: Environment, { verbose }: Manner): ExitCode {
  const error = firstOf(thrown);
  if (error instanceof OutputClosed) return ExitCode.ok;
  if (error instanceof UserError) {
    tellError(error.message, environment);
    if (verbose) causesOf(error).forEach((line) => tell(environment, line));
    return error.exitCode;
  }
  tellError(printable(messageOf(error)), environment, "Internal error");
  if (error instanceof Error && error.stack !== undefined) tell(environment, error.stack);
  tell(
    environment,
    "This is a defect of ardiff: please report it with the command that led to it.",
  );
  return ExitCode.internal;
}

/** Of an error and those that putting things away after it met, the error. */
function firstOf(error: unknown): unknown {
  return error instanceof SuppressedError ? firstOf(error.suppressed) : error;
}

/** What led to an error, a line each. */
function causesOf({ cause }: Error): string[] {
  if (cause === undefined) return [];
  const line = `  caused by: ${printable(messageOf(cause))}`;
  return [line, ...cause instanceof Error ? causesOf(cause) : []];
}
