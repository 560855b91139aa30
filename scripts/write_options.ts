/**
 * Writes docs/options.md from the declarations of the command line and of training, so that the page
 * cannot differ from the program:
 *
 *     deno run --allow-read --allow-write scripts/write_options.ts
 */
import type { Argument, CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { leavesOf, pathOf } from "../src/cli/command_tree.ts";
import { factsOf } from "../src/cli/option_facts.ts";
import { makeProgram } from "../src/cli/program.ts";
import { settingsOf } from "../src/cli/settings.ts";
import { isShared } from "../src/cli/shared_options.ts";
import { processEnvironment } from "../src/host/environment.ts";
import { describeOptions } from "../src/training/options.ts";
import { PRESETS } from "../src/training/presets.ts";
import { optionText } from "./option_text.ts";

/** Who a default comes from where nobody else is named. */
const OURS = "ardiff";

const HEAD = `<!-- deno-fmt-ignore-file -->

# Options

Every option of every command and of a training configuration, with its default and with who the
default comes from; "ardiff" where the choice is this project's own. AR-Diffusion is the paper
(arXiv 2305.09515).

Where a variable is named, it holds wherever the flag is not given, and the settings file can have the
option too: [command-line.md](command-line.md).

This page is written by \`scripts/write_options.ts\` from the declarations in \`src/cli/\`,
\`src/generation/options.ts\`, \`src/training/options.ts\` and \`src/training/presets.ts\`: change
those, not this.
`;

const TRAINING_HEAD = `## Training configurations

A TOML file, or YAML where its name ends in \`.yaml\` or \`.yml\`; \`configs/\` has examples, and
\`ardiff init\` writes one for data of yours. A key that is left out has the value of the
[preset](#presets), or else its default; an unknown one is an error. Defaults are those of the paper's
CommonGen run where it has them.

Where the values are "or a table by update", an option may change in the course of a run:
\`waiting_weight = { "0" = 0, "2000" = 0.3 }\` is 0 for the first 2000 updates and 0.3 after them.
`;

const PRESETS_HEAD = `### Presets

\`preset = "NAME"\`, above the first table, or \`--set preset=NAME\`. A preset sets options; what a
configuration says itself wins.
`;

const DATA = `### [data.train] and [data.dev]

| key | formats | what it is |
|---|---|---|
| \`format\` | all | \`text\`: two aligned files; \`tsv\`, \`csv\`: a pair a row; \`jsonl\`: an object a line |
| \`source_file\`, \`target_file\` | \`text\` | the two files |
| \`file\` | \`tsv\`, \`csv\`, \`jsonl\` | the file |
| \`source\`, \`target\` | \`tsv\`, \`csv\` | a column's number from 1, or its name; default 1 and 2 |
| \`source\`, \`target\` | \`jsonl\` | a field, or names joined by dots; default \`source\` and \`target\`. A list of targets makes a pair each |
| \`header\` | \`tsv\`, \`csv\` | whether the first row names the columns; default: where columns go by name |
| \`delimiter\` | \`tsv\`, \`csv\` | one character; default tab or comma |
| \`group_sources\` | all | equal sources become one example with all their references; default false |
| \`from\`, \`until\` | all, in \`[data.train]\` | the number of updates after which the set is trained on, and after which no longer; default from the first update to the last |
| \`distill\` | in the place of format and file, in \`[data.train]\` | the run writes the set itself after \`from\` updates, of the sources it is then trained on: a table of \`candidates\` (5), \`beam\` (1), \`temperature\`, \`epsilon\`, \`top_p\`, \`keep\`, \`references\` (0) and \`share\` of the sources (1) |

Training data may be a list, \`[[data.train]]\`: the sets whose \`from\` and \`until\` an update lies
between are trained on as one set.

\`data.hold_out = 0.02\`, in the place of \`[data.dev]\`, holds a share of the sources out of the
training data, chosen by a hash of their text, with all their targets: the development set, that of a list's first
set.
`;

/** The page's text. */
export function optionsPage(): string {
  const program = makeProgram(processEnvironment());
  const commands = leavesOf(program).map(commandSection);
  return [HEAD, ...commands, sharedSection(program), trainingSections(), presetSection(), DATA]
    .join("\n");
}

function commandSection(command: CommandUnknownOpts): string {
  const path = pathOf(command);
  const places = command.registeredArguments.map((argument) => [
    code(argument.variadic ? `<${argument.name()}...>` : `<${argument.name()}>`),
    defaultOf(argument),
    meaningOf(argument),
    "",
    OURS,
  ]);
  const options = command.options.filter((option) => !isShared(option));
  const rows = [...places, ...optionRows(command, options)];
  return `## ardiff ${path}\n\n${command.description()}\n\n` +
    (rows.length > 0 ? table(COLUMNS, rows) : "No options of its own.\n");
}

const COLUMNS = ["option", "default", "what it does", "variable", "source"];

function optionRows(command: CommandUnknownOpts, options: readonly Option[]): string[][] {
  const variables = new Map(settingsOf(command).map(({ option, variable }) => [option, variable]));
  return options.map((option) => {
    const variable = variables.get(option);
    return [
      code(option.flags),
      defaultOf(option),
      meaningOf(option),
      variable === undefined ? "" : code(variable),
      factsOf(option).source ?? OURS,
    ];
  });
}

function sharedSection(program: CommandUnknownOpts): string {
  return `## Every command\n\nBefore the command or after it.\n\n` +
    table(COLUMNS, optionRows(program, program.options.filter(isShared)));
}

function meaningOf(place: Option | Argument): string {
  const { meaning, choices } = optionText(place);
  return choices.length === 0 ? meaning : `${meaning}: ${choices.map(code).join(", ")}`;
}

function defaultOf(place: Option | Argument): string {
  const { text, isLiteral } = optionText(place).standard;
  return isLiteral ? code(text) : text;
}

/** One table for each section of a configuration. */
function trainingSections(): string {
  const sections = Map.groupBy(describeOptions(), ({ name }) => name.slice(0, name.indexOf(".")));
  return TRAINING_HEAD + [...sections].map(([section, options]) =>
    `\n### [${section}]\n\n` + table(
      ["key", "default", "values", "what it does", "source"],
      options.map(({ name, default: standard, expected, text, source }) => [
        code(name.slice(section.length + 1)),
        standard === "none" ? standard : code(standard),
        expected.replace(/ or null$/, ""), // which TOML cannot say: the key is left out
        text,
        source,
      ]),
    )
  ).join("");
}

/** What presets are for, and what each sets; an empty cell is the option's default. */
function presetSection(): string {
  const presets = Object.entries(PRESETS);
  const names = describeOptions().map(({ name }) => name);
  const rows = names.flatMap((name) => {
    const [section, key] = name.split(".") as [string, string];
    const values = presets.map(([, { values }]) => {
      const sections: Readonly<Record<string, object | undefined>> = values;
      return (sections[section] as Readonly<Record<string, unknown>> | undefined)?.[key];
    });
    if (values.every((value) => value === undefined)) return [];
    return [[
      code(name),
      ...values.map((value) => value === undefined ? "" : code(JSON.stringify(value))),
    ]];
  });
  return [
    PRESETS_HEAD,
    table(["preset", "for whom"], presets.map(([name, { text }]) => [code(name), text])),
    table(["key", ...presets.map(([name]) => code(name))], rows),
  ].join("\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  return line(head) + `${"|---".repeat(head.length)}|\n` + rows.map(line).join("");
}

function code(text: string): string {
  return `\`${text}\``;
}

if (import.meta.main) {
  Deno.writeTextFileSync(new URL("../docs/options.md", import.meta.url), optionsPage());
}
