/** Walks the command tree, for whatever is generated from it. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";

/** All commands that do something, in the order of their declaration. */
export function leavesOf(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return command.commands.length > 0 ? command.commands.flatMap(leavesOf) : [command];
}

/** The words that call a command, "ardiff" left out: "tokenizer train". */
export function pathOf(command: CommandUnknownOpts): string {
  const { parent } = command;
  if (parent === null) return "";
  return `${pathOf(parent)} ${command.name()}`.trimStart();
}

/** The tree's root. */
export function rootOf(command: CommandUnknownOpts): CommandUnknownOpts {
  return command.parent === null ? command : rootOf(command.parent);
}
