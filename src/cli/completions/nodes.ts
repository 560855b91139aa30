/** The command tree as completion scripts need it: what may stand where. */
import type { Argument, CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { pathOf } from "../command_tree.ts";
import { factsOf } from "../option_facts.ts";

/** What completes a value. */
export type Value =
  | { readonly kind: "words"; readonly words: readonly string[] }
  /** A model: a folder, or one that comes with the program. */
  | { readonly kind: "file" | "folder" | "model" | "text" };

/** An option. */
export interface OptionNode {
  /** `-m` and `--model`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Its value; undefined where it takes none. */
  readonly value: Value | undefined;
  /** Whether it takes several values. */
  readonly many: boolean;
}

/** A command, or the program itself. */
export interface CommandNode {
  /** The words that call it, "ardiff" left out. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly OptionNode[];
  /** What completes an argument; undefined where it takes none. */
  readonly argument: Value | undefined;
}

/** The program, its commands and those below them. */
export function commandNodes(program: CommandUnknownOpts): CommandNode[] {
  const names = program.commands.map((command) => command.name());
  return [
    ...nodesBelow(program),
    { path: "help", commands: [], options: [], argument: { kind: "words", words: names } },
  ];
}

function nodesBelow(command: CommandUnknownOpts): CommandNode[] {
  const help = command.createHelp();
  const node: CommandNode = {
    path: pathOf(command),
    commands: help.visibleCommands(command)
      .filter((child) => command.parent === null || child.name() !== "help")
      .map((child) => ({ name: child.name(), description: child.description() })),
    options: help.visibleOptions(command).map(optionNode),
    argument: command.registeredArguments.map(argumentValue)[0],
  };
  return [node, ...command.commands.flatMap(nodesBelow)];
}

function optionNode(option: Option): OptionNode {
  const takesValue = option.required || option.optional;
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    description: option.description,
    value: takesValue ? optionValue(option) : undefined,
    many: option.variadic,
  };
}

function optionValue(option: Option): Value {
  const words = option.argChoices ?? factsOf(option).words;
  if (words !== undefined) return { kind: "words", words };
  if (option.long === "--metrics") return { kind: "words", words: namesIn(option.description) };
  return placeValue(/<([\w/=]+)/.exec(option.flags)?.[1], option.long === "--model");
}

/** "some of a,b,c" as names. */
function namesIn(description: string): string[] {
  return description.replace(/^some of /, "").split(",");
}

function argumentValue(argument: Argument): Value {
  if (argument.argChoices !== undefined) return { kind: "words", words: argument.argChoices };
  return placeValue(
    ["config", "plan"].includes(argument.name()) ? "file" : argument.name(),
    argument.description.startsWith("model folder"),
  );
}

function placeValue(placeholder: string | undefined, isModel: boolean): Value {
  if (isModel) return { kind: "model" };
  if (placeholder === "file" || placeholder === "path") return { kind: "file" };
  return { kind: placeholder === "dir" ? "folder" : "text" };
}
