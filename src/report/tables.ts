/** Tables of a report, in Markdown, CSV and HTML. */
import type { Learned } from "./learned.ts";
import { type ReportCell, type Setting, shortName } from "./summary.ts";

/** Rows of cells, of which the first is the head. */
export type Table = readonly (readonly string[])[];

/** A row for each setting. */
export function settingsTable(settings: readonly Setting[]): Table {
  const axes = [...new Set(settings.flatMap((setting) => Object.keys(setting.axes)))];
  const metrics = [...new Set(settings.flatMap(({ scores }) => [...scores.keys()]))];
  const hasCandidates = settings.some(({ cells }) => cells[0]!.candidates !== undefined);
  const head = [
    ...axes.map(shortName),
    "seeds",
    ...metrics.flatMap((name, i) =>
      i === 0 ? [name, "95 % interval", "against the first"] : [name]
    ),
    ...hasCandidates ? ["differing candidates", "best of all, BLEU"] : [],
    "calls a line",
    "p95",
    "ms a line",
    "processor ms",
  ];
  return [head, ...settings.map((setting) => row(setting, axes, metrics, hasCandidates))];
}

function row(
  { axes, cells, scores, interval, difference, calls, clock, processor }: Setting,
  names: readonly string[],
  metrics: readonly string[],
  hasCandidates: boolean,
): string[] {
  const score = (name: string) => {
    const value = scores.get(name);
    return value === undefined ? "" : value.toFixed(name.startsWith("distinct") ? 3 : 2);
  };
  const signed = (value: number) => `${value < 0 ? "" : "+"}${value.toFixed(2)}`;
  const mean = (of: (cell: ReportCell) => number | undefined) => {
    const values = cells.map(of).filter((value) => value !== undefined);
    return values.length === 0
      ? ""
      : (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(2);
  };
  return [
    ...names.map((name) => `${axes[name] ?? ""}`),
    `${cells.length}`,
    ...metrics.flatMap((name, i) =>
      i > 0 ? [score(name)] : [
        score(name),
        interval ? `${interval.low.toFixed(2)} to ${interval.high.toFixed(2)}` : "",
        difference
          ? `${signed(difference.mean)} (${signed(difference.low)} to ${signed(difference.high)})`
          : "",
      ]
    ),
    ...hasCandidates
      ? [mean((cell) => cell.candidates?.distinct), mean((cell) => cell.candidates?.oracleBleu)]
      : [],
    calls.toFixed(2),
    `${Math.max(...cells.map((cell) => cell.calls.p95))}`,
    clock.toFixed(2),
    processor === null ? "" : processor.toFixed(2),
  ];
}

/** A row for each training. */
export function trainingsTable(learned: readonly Learned[]): Table {
  const last = ({ curve }: Learned) => curve.at(-1);
  const areTimed = learned.some(({ update }) => update !== null);
  return [
    [
      "training",
      "run",
      "parameters",
      "updates",
      "minutes",
      ...areTimed ? ["processor ms an update"] : [],
      "validation loss",
      "BLEU of validation",
    ],
    ...learned.map((one) => [
      one.series,
      one.run,
      one.parameters === null ? "" : one.parameters.toLocaleString("en"),
      one.updates.toLocaleString("en"),
      one.minutes.toFixed(2),
      ...areTimed ? [one.update?.toFixed(1) ?? ""] : [],
      last(one)?.loss.toFixed(3) ?? "",
      last(one)?.bleu?.toFixed(2) ?? "",
    ]),
  ];
}

/** A row for each cell, unrounded. */
export function cellsTable(cells: readonly ReportCell[]): Table {
  const axes = [...new Set(cells.flatMap((cell) => Object.keys(cell.axes)))];
  const metrics = [...new Set(cells.flatMap(({ scores }) => scores.map(({ name }) => name)))];
  return [
    [
      ...["cell", "plan", ...axes, ...metrics],
      ...["calls", "calls_p95", "calls_max", "segments", "seconds", "processor_seconds"],
      ...["resident_bytes", "distinct_candidates", "oracle_bleu", "training", "updates"],
      ...["training_processor_seconds", "update_processor_seconds", "parameters", "commit"],
      "command",
    ],
    ...cells.map((cell) => [
      cell.cell,
      cell.plan,
      ...axes.map((axis) => `${cell.axes[axis] ?? ""}`),
      ...metrics.map((name) => `${cell.scores.find((one) => one.name === name)?.score ?? ""}`),
      ...[cell.calls.mean, cell.calls.p95, cell.calls.max, cell.segments].map(String),
      ...[cell.seconds, cell.processorSeconds ?? "", cell.residentBytes].map(String),
      ...[cell.candidates?.distinct ?? "", cell.candidates?.oracleBleu ?? ""].map(String),
      ...[cell.training?.hash ?? "", cell.training?.updates ?? ""].map(String),
      ...[cell.training?.processorSeconds ?? "", cell.training?.updateSeconds ?? ""].map(String),
      String(cell.training?.parameters ?? ""),
      cell.commit ?? "",
      cell.command,
    ]),
  ];
}

/** A table in Markdown. */
export function asMarkdown([head = [], ...rows]: Table): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  return line(head) + `${"|---".repeat(head.length)}|\n` + rows.map(line).join("");
}

/** A table as RFC 4180 writes it. */
export function asCsv(table: Table): string {
  const field = (text: string) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  return table.map((row) => `${row.map(field).join(",")}\n`).join("");
}

/** A table in HTML. */
export function asHtml([head = [], ...rows]: Table): string {
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  return `<table><thead>${row(head, "th")}</thead><tbody>\n${
    rows.map((cells) => row(cells, "td")).join("\n")
  }\n</tbody></table>`;
}

/** Text as HTML shows it. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
