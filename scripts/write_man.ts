/**
 * Writes the manual page docs/ardiff.1 from the declarations of the command line:
 *
 *     deno run --allow-read --allow-write scripts/write_man.ts
 */
import type { Argument, CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { leavesOf, pathOf } from "../src/cli/command_tree.ts";
import { EXIT_CODES } from "../src/cli/exit_codes.ts";
import { guideOf } from "../src/cli/guide.ts";
import { makeProgram } from "../src/cli/program.ts";
import { settingsOf } from "../src/cli/settings.ts";
import { isShared } from "../src/cli/shared_options.ts";
import { processEnvironment } from "../src/host/environment.ts";
import { VERSION } from "../src/version.ts";
import { optionText } from "./option_text.ts";

const DESCRIPTION = [
  "A model starts from noise in all places of a sentence at once and settles it from left to right " +
  "in a handful of network calls (AR-Diffusion, arXiv 2305.09515). Results go to standard output, " +
  "messages to standard error.",
  "A command takes its options behind its name; those of every command may also stand before it.",
];

const SETTINGS = [
  "An option that is not given takes its value from a variable, else from the settings file, else " +
  "from its default; --verbose tells for each. Options that say what one call reads, writes or " +
  "prints have no variable and are given on the command line alone.",
  "A variable is named after its option: ARDIFF_BATCH_SIZE for --batch-size. Options without a " +
  "value take 1, 0, true or false; ARDIFF_ROUNDING=0 stands for --no-rounding.",
  "The settings file is TOML with a section for each command, as in [generate] and " +
  "[tokenizer.train], and [common] for all. Its keys are the options' names with _ for -, as in " +
  "batch_size = 64. A key or section that no command knows is an error.",
];

const VARIABLES: readonly (readonly [name: string, meaning: string])[] = [
  ["ARDIFF_*", "values of options, see SETTINGS"],
  ["ARDIFF_CONFIG", "the settings file"],
  ["ARDIFF_LIBTORCH", "the folder of libtorch's libraries"],
  ["ARDIFF_NATIVE", "the native library"],
  ["NO_COLOR", "where it is set, no colours"],
];

const FILES: readonly (readonly [name: string, meaning: string])[] = [
  [
    "$XDG_CONFIG_HOME/ardiff/config.toml, ~/.config/ardiff/config.toml",
    "the settings file, unless --config or ARDIFF_CONFIG names another",
  ],
];

/** The page's text. */
export function manualPage(): string {
  const program = makeProgram(processEnvironment());
  return [
    '.\\" Written by scripts/write_man.ts from the declarations in src/cli/: change those, not this.',
    `.TH ARDIFF 1 "" "ardiff ${VERSION}" "User Commands"`,
    section("NAME", "ardiff \\- text generation by auto\\-regressive diffusion"),
    section(
      "SYNOPSIS",
      "\\fBardiff\\fR \\fIcommand\\fR [\\fIoption\\fR ...] [\\fIargument\\fR ...]\n.br",
      "\\fBardiff help\\fR [\\fIcommand\\fR]\n.br",
      "\\fBardiff \\-\\-version\\fR",
    ),
    section("DESCRIPTION", paragraphs(DESCRIPTION)),
    section("COMMANDS", ...leavesOf(program).map(commandSection)),
    section(
      "OPTIONS OF EVERY COMMAND",
      ...program.options.filter(isShared).map((option) => optionEntry(program, option)),
    ),
    section("SETTINGS", paragraphs(SETTINGS)),
    section("ENVIRONMENT", ...VARIABLES.map(([name, meaning]) => entry(bold(name), meaning))),
    section("FILES", ...FILES.map(([name, meaning]) => entry(bold(name), meaning))),
    section(
      "EXIT STATUS",
      ...EXIT_CODES.map(([code, meaning]) => entry(bold(String(code)), meaning)),
    ),
    section("EXAMPLES", examples(guideOf(program).examples)),
  ].join("\n") + "\n";
}

function section(title: string, ...content: readonly string[]): string {
  return [`.SH ${title}`, ...content].join("\n");
}

function commandSection(command: CommandUnknownOpts): string {
  const guide = guideOf(command);
  const places = command.registeredArguments.map((argument) =>
    entry(placeholder(argument), meaningOf(argument))
  );
  const options = command.options.filter((option) => !isShared(option))
    .map((option) => optionEntry(command, option));
  return [
    `.SS ardiff ${escaped(pathOf(command))} ${escaped(command.usage())}`,
    escaped(command.description()),
    ...places,
    ...options,
    ".PP",
    guide.examples.length === 1 ? "Example:" : "Examples:",
    examples(guide.examples),
    ...(guide.remarks ?? []).map(remark),
  ].join("\n");
}

function optionEntry(command: CommandUnknownOpts, option: Option): string {
  const setting = settingsOf(command).find((candidate) => candidate.option === option);
  const variable = setting === undefined ? "" : ` [${setting.variable}]`;
  return entry(flags(option.flags), `${meaningOf(option)}${variable}`);
}

/** `-m, --model <dir>` with names in bold and values in italics. */
function flags(text: string): string {
  return text.split(", ").map((flag) => {
    const [name = "", value] = flag.split(" ", 2);
    return value === undefined ? bold(name) : `${bold(name)} ${italic(value.slice(1, -1))}`;
  }).join(", ");
}

function placeholder(argument: Argument): string {
  return italic(argument.variadic ? `${argument.name()}...` : argument.name());
}

function meaningOf(place: Option | Argument): string {
  const { meaning, choices, standard } = optionText(place);
  const allowed = choices.length === 0 ? "" : `: ${choices.join(", ")}`;
  const isPlain = ["off", "none", "required"].includes(standard.text);
  const otherwise = isPlain && !standard.isLiteral
    ? (standard.text === "required" ? " (required)" : "")
    : ` (default: ${standard.text})`;
  return `${meaning}${allowed}${otherwise}`;
}

function entry(term: string, meaning: string): string {
  return `.TP\n${term}\n${escaped(meaning)}`;
}

function paragraphs(texts: readonly string[]): string {
  return texts.map(escaped).join("\n.PP\n");
}

/** A paragraph, whose indented lines are kept as they are. */
function remark(text: string): string {
  const isIndented = /\n {2}/.test(text);
  return isIndented ? `.PP\n.nf\n${escaped(text)}\n.fi` : `.PP\n${escaped(text)}`;
}

function examples(lines: readonly string[]): string {
  return `.PP\n.EX\n${lines.map((line) => `    ${escaped(line)}`).join("\n")}\n.EE`;
}

function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

function italic(text: string): string {
  return `\\fI${escaped(text)}\\fR`;
}

/** Text in which roff sees no commands. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha")
    .replace(/^\./gm, "\\&.");
}

if (import.meta.main) {
  Deno.writeTextFileSync(new URL("../docs/ardiff.1", import.meta.url), manualPage());
}
