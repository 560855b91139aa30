/**
 * The command tree: declarations only. Each action imports its command when it is asked for, so that
 * `--help` and `--version` load neither the native library nor anything else.
 */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Environment } from "../host/environment.ts";
import { VERSION } from "../version.ts";
import { averageCommand } from "./declarations/average.ts";
import { completionsCommand } from "./declarations/completions.ts";
import { distillCommand } from "./declarations/distill.ts";
import { doctorCommand } from "./declarations/doctor.ts";
import { evaluateCommand } from "./declarations/evaluate.ts";
import { filesCommand } from "./declarations/files.ts";
import { generateCommand } from "./declarations/generate.ts";
import { goldenCommand } from "./declarations/golden.ts";
import { importCommand } from "./declarations/import.ts";
import { initCommand } from "./declarations/init.ts";
import { infoCommand } from "./declarations/info.ts";
import { joinCommand } from "./declarations/join.ts";
import { mbrCommand } from "./declarations/mbr.ts";
import { compareCommand, reportCommand } from "./declarations/report.ts";
import { sweepCommand } from "./declarations/sweep.ts";
import { scoreCommand } from "./declarations/score.ts";
import { tokenizerCommand } from "./declarations/tokenizer.ts";
import { trainCommand } from "./declarations/train.ts";
import { EXIT_CODES } from "./exit_codes.ts";
import { addGuide } from "./guide.ts";
import { addSharedOptions } from "./shared_options.ts";
import { suggestChoices } from "./values.ts";

const COMMANDS = [
  generateCommand,
  joinCommand,
  mbrCommand,
  scoreCommand,
  evaluateCommand,
  initCommand,
  trainCommand,
  averageCommand,
  distillCommand,
  sweepCommand,
  reportCommand,
  compareCommand,
  tokenizerCommand,
  importCommand,
  infoCommand,
  doctorCommand,
  goldenCommand,
  filesCommand,
  completionsCommand,
];

/** All commands, writing through `environment`. */
export function makeProgram(environment: Environment): CommandUnknownOpts {
  const program = (new Command("ardiff") as CommandUnknownOpts)
    .description("Text generation by auto-regressive diffusion (AR-Diffusion, arXiv 2305.09515).")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help for a command")
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .configureHelp({ styleTitle: (title) => `\x1b[1m${title}\x1b[0m` });
  for (const command of COMMANDS) program.addCommand(command(environment));
  finish(program);
  addSharedOptions(program);
  addGuide(program, {
    examples: [
      'echo "dog frisbee catch" | ardiff generate --model commongen-small',
      'echo "I am hungry." | ardiff generate --model tatoeba-en-fr-small --candidates 10',
      "ardiff help generate",
    ],
    remarks: [
      "An option without a flag takes its value from a variable (ARDIFF_STEPS for --steps), else from\n" +
      "the settings file (TOML: [generate], [common], ...), else from its default; --verbose tells.",
      `Exit codes:${
        EXIT_CODES.map((row) => `\n  ${String(row[0]).padStart(3)}  ${row[1]}`).join("")
      }`,
    ],
  });
  return program;
}

/** Gives the commands below one what they have in common with it. */
function finish(parent: CommandUnknownOpts): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent);
    suggestChoices(command);
    if (command.commands.length === 0) addSharedOptions(command);
    finish(command);
  }
}
