/** `--verbose`: the value of every option of a command and where it came from. */
import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { pathOf } from "./command_tree.ts";
import type { Layers } from "./layers.ts";
import { keyOf } from "./settings.ts";

/** A line for each option, and one for the settings file. */
export function settingsReport(command: CommandUnknownOpts, { file, places }: Layers): string {
  const rows = command.options.map((option) => [
    keyOf(option),
    shown(command.getOptionValue(option.attributeName())),
    places.get(option) ?? sourceOf(command, option),
  ]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()}\n`
  );
  return `Settings of ardiff ${pathOf(command)} (${
    file === undefined ? "no settings file" : `settings file "${file}"`
  }):\n${lines.join("")}`;
}

function sourceOf(command: CommandUnknownOpts, option: Option): string {
  const source = command.getOptionValueSource(option.attributeName());
  return source === "cli" ? "command line" : "default";
}

/** A value as it would be typed. */
function shown(value: unknown): string {
  if (value === undefined) return "none";
  if (Array.isArray(value)) return value.join(",");
  if (typeof value !== "object" || value === null) return String(value);
  if ("kind" in value && "index" in value) return `${value.kind}:${value.index}`;
  if ("count" in value && "index" in value) return `${value.index}/${value.count}`;
  return JSON.stringify(value);
}
