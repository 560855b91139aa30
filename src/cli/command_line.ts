/** Reads a command line, with what variables and the settings file add to it, and runs its command. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { CommanderError } from "commander";
import { ExitCode } from "../errors.ts";
import { type Environment, quietable } from "../host/environment.ts";
import { tell, tellError } from "../host/messages.ts";
import { makeProgram } from "./program.ts";
import { sharedValues } from "./shared_options.ts";

/**
 * The variable by which a start script gives the names of all variables that begin with ARDIFF_: the
 * program itself may not list variables.
 */
const EXPORTED = "ARDIFF_EXPORTED";

/** What the command line asked for in the way of messages, as far as it has been read. */
export interface Manner {
  quiet: boolean;
  verbose: boolean;
}

/**
 * Runs a command.
 *
 * @param manner is set as soon as the command line has been read
 * @returns the exit code of whatever commander ends by itself: help, and errors that it has told
 */
export async function runCommandLine(
  args: readonly string[],
  environment: Environment,
  manner: Manner,
): Promise<ExitCode> {
  const program = makeProgram(quietable(environment, () => manner.quiet));
  let written = Promise.resolve();
  const configure = (command: CommandUnknownOpts): void => {
    command.exitOverride();
    command.configureOutput({
      writeOut: (text: string) => {
        written = written.then(() => environment.stdout(text));
      },
      writeErr: (text: string) => environment.stderr(text),
      outputError: (text: string) => tellError(text.replace(/^error: /, "").trimEnd(), environment),
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
    Object.assign(manner, { quiet, verbose });
    if (verbose) await reportSettings(command, environment);
    if (!quiet && environment.variable(EXPORTED) !== undefined) {
      const { misspelt } = await import("./variables.ts");
      const names = environment.variable(EXPORTED)!.split(" ");
      for (const notice of misspelt(names, program)) tell(environment, notice);
    }
    // The look-up knows the variable itself, and tells it from a flag.
    if (libtorch !== undefined && command.getOptionValueSource("libtorch") !== "env") {
      const { preferLibtorch } = await import("../native/locate.ts");
      preferLibtorch(libtorch);
    }
  });
  let code: ExitCode = ExitCode.ok;
  try {
    await program.parseAsync(withoutHelp(args, program), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    code = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  }
  await written;
  return code;
}

/** Help for a command that there is not is the error that the command is. */
function withoutHelp(args: readonly string[], { commands }: CommandUnknownOpts): string[] {
  const [first, name] = args;
  const isKnown = (word: string) => word === "help" || commands.some((one) => one.name() === word);
  const isStranger = first === "help" && name !== undefined && !name.startsWith("-") &&
    !isKnown(name);
  return args.slice(isStranger ? 1 : 0);
}

async function reportSettings(
  command: CommandUnknownOpts,
  environment: Environment,
): Promise<void> {
  const { settingsReport } = await import("./settings_report.ts");
  const { layersOf } = await import("./layers.ts");
  tell(environment, settingsReport(command, layersOf(command)).trimEnd());
}
