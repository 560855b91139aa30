/** Runs a command line and turns whatever happens into an exit code. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { CommanderError } from "commander";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { type Environment, OutputClosed, quietable } from "./environment.ts";
import { makeProgram } from "./program.ts";
import { sharedValues } from "./shared_options.ts";

/** Parses and runs; never throws. */
export async function run(args: readonly string[], environment: Environment): Promise<number> {
  const state = { quiet: false, verbose: false };
  const program = makeProgram(quietable(environment, () => state.quiet));
  let written = Promise.resolve();
  const configure = (command: CommandUnknownOpts): void => {
    command.exitOverride();
    command.configureOutput({
      writeOut: (text: string) => {
        written = written.then(() => environment.stdout(text));
      },
      writeErr: (text: string) => environment.stderr(text),
      outputError: (text: string) => environment.stderr(asError(text, environment)),
      getOutHasColors: () => environment.colors.stdout,
      getErrHasColors: () => environment.colors.stderr,
    });
    command.commands.forEach(configure);
  };
  configure(program);
  program.hook("preSubcommand", async (_, command) => {
    const { layerSettings } = await import("./layers.ts");
    layerSettings(command, environment);
  });
  program.hook("preAction", async (_, command) => {
    const { quiet, verbose, libtorch } = sharedValues(command);
    Object.assign(state, { quiet, verbose });
    if (verbose) await reportSettings(command, environment);
    // The look-up knows the variable itself, and tells it from a flag.
    if (libtorch !== undefined && command.getOptionValueSource("libtorch") !== "env") {
      const { preferLibtorch } = await import("../native/locate.ts");
      preferLibtorch(libtorch);
    }
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    await written;
    return ExitCode.ok;
  } catch (error) {
    return await exitCodeOf(error, written, { environment, verbose: state.verbose });
  }
}

async function reportSettings(
  command: CommandUnknownOpts,
  environment: Environment,
): Promise<void> {
  const { settingsReport } = await import("./settings_report.ts");
  const { layersOf } = await import("./layers.ts");
  environment.stderr(settingsReport(command, layersOf(command)));
}

async function exitCodeOf(
  error: unknown,
  written: Promise<void>,
  told: { readonly environment: Environment; readonly verbose: boolean },
): Promise<number> {
  const { environment, verbose } = told;
  if (error instanceof CommanderError) {
    // Help and version end here too, with code 0.
    try {
      await written;
    } catch (failure) {
      return await exitCodeOf(failure, Promise.resolve(), told);
    }
    return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  }
  if (error instanceof OutputClosed) return ExitCode.ok;
  if (error instanceof UserError) {
    environment.stderr(asError(`${error.message}\n`, environment));
    if (verbose) environment.stderr(causesOf(error));
    return error.exitCode;
  }
  const stack = error instanceof Error && error.stack !== undefined ? `${error.stack}\n` : "";
  environment.stderr(
    asError(`${messageOf(error)}\n`, environment, "Internal error") + stack +
      "This is a defect of ardiff: please report it with the command that led to it.\n",
  );
  return ExitCode.internal;
}

/** A message behind the word for what it is; commander's own begin with "error: ". */
function asError(text: string, { colors }: Environment, word = "Error"): string {
  const message = text.replace(/^error: /, "");
  return `${colors.stderr ? `\x1b[1;31m${word}:\x1b[0m` : `${word}:`} ${message}`;
}

/** What led to an error, a line each. */
function causesOf(error: Error): string {
  const { cause } = error;
  if (cause === undefined) return "";
  const rest = cause instanceof Error ? causesOf(cause) : "";
  return `  caused by: ${messageOf(cause)}\n${rest}`;
}
