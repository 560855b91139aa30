/** Scores as text for a reader and as JSON for a program. */
import { printable } from "../printable.ts";
import { formatFixed } from "./format.ts";
import type { MetricScore } from "./metric_scores.ts";
import type { ScoreReport, SystemScores } from "./score.ts";

/**
 * A score as sacreBLEU prints it:
 * `BLEU|nrefs:1|...|version:... = 22.67 (μ = 22.68 ± 0.53) 56.2/28.7/... (BP = ...)`.
 */
export function scoreLine(score: MetricScore, digits: number = score.digits): string {
  const { name, signature, confidence: interval, parts } = score;
  const fixed = (value: number) => formatFixed(value, digits);
  const spread = interval ? ` (μ = ${fixed(interval.mean)} ± ${fixed(interval.halfWidth)})` : "";
  return `${name}|${signature} = ${fixed(score.score)}${spread}${parts ? ` ${parts}` : ""}`;
}

/**
 * The report as text: a table with a row per metric and a column per system, and under it what each
 * number is, with its signature.
 */
export function formatReport(report: ScoreReport): string {
  const rows = report.systems[0]?.scores ?? [];
  const table = [
    ["Metric", ...report.systems.map(({ name }) => name)],
    ...rows.map(({ name }, k) => [name, ...report.systems.map(({ scores }) => cell(scores[k]!))]),
  ];
  const calls = report.systems.flatMap(callsLine);
  return [summary(report), "", ...alignColumns(table), "", ...definitions(report), ...calls]
    .join("\n") + "\n";
}

/** What the numbers are; metrics that share a definition share an entry. */
function definitions({ systems }: ScoreReport): string[] {
  const entries = Map.groupBy(
    (systems[0]?.scores ?? []).keys(),
    (k) => `${systems[0]!.scores[k]!.about}\n  ${systems[0]!.scores[k]!.signature}`,
  );
  return [...entries].flatMap(([definition, rows]) => [
    `${rows.map((k) => systems[0]!.scores[k]!.name).join(", ")}: ${definition}`,
    ...rows.flatMap((k) => systems.flatMap(({ name, scores }) => partsLine(scores[k]!, name))),
  ]);
}

function partsLine({ name, parts }: MetricScore, system: string): string[] {
  return parts ? [`  ${system}: ${name} ${parts}`] : [];
}

function callsLine({ name, calls }: SystemScores): string[] {
  if (calls === undefined) return [];
  const { mean, p95, max } = calls;
  return [
    `Network calls a line, ${name}: mean ${formatFixed(mean, 2)}, 95 % at most ${p95}, most ${max}`,
  ];
}

function summary({ segments, references, bootstrap, systems }: ScoreReport): string {
  const parts = [`${segments} segments`];
  if (references !== undefined) {
    parts.push(
      references === "var" ? "a varying number of references" : `references: ${references}`,
    );
  }
  if (bootstrap) {
    parts.push(`± half of the 95 % interval of ${bootstrap.resamples} bootstrap resamples`);
    if (systems.length > 1) parts.push(`p: paired bootstrap test against ${systems[0]!.name}`);
  }
  return parts.join("; ");
}

function cell({ score, digits, confidence: interval, pValue }: MetricScore): string {
  const spread = interval ? ` ± ${formatFixed(interval.halfWidth, digits)}` : "";
  const chance = pValue === undefined ? "" : ` (p = ${formatFixed(pValue, 4)})`;
  return formatFixed(score, digits) + spread + chance;
}

function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]!.length))
  );
  return rows.map((row) =>
    row.map((text, column) => text.padEnd(widths[column]!)).join("  ").trimEnd()
  );
}

/**
 * The scores of single segments as a table with tabs: a row for each, from 1, a column for each
 * system's scores by each metric.
 */
export function formatSegments({ segments, systems }: ScoreReport): string {
  const columns = systems.flatMap(({ name, scores }) =>
    scores.map((one) => ({
      one,
      title: systems.length > 1 ? `${printable(name)} ${one.name}` : one.name,
    }))
  );
  const rows = Array.from(
    { length: segments },
    (_, k) =>
      [k + 1, ...columns.map(({ one }) => formatFixed(one.segments![k]!, one.digits))].join("\t"),
  );
  return [["line", ...columns.map(({ title }) => title)].join("\t"), ...rows, ""].join("\n");
}

/** What the numbers of such a table depend on: a line for each metric. */
export function segmentSignatures({ systems }: ScoreReport): string[] {
  return (systems[0]?.scores ?? []).map(({ name, signature }) => `${name}|${signature}`);
}

/**
 * The report as a JSON value: `{segments, references, bootstrap?, systems: [{name, calls?, scores: [{metric,
 * name, score, signature, details, confidence?, pValue?}]}]}`, numbers unrounded. Scores of single
 * segments, `segments`, stand in the place of `score` and what belongs to it.
 */
export function reportToJson(report: ScoreReport): unknown {
  return {
    ...report,
    systems: report.systems.map(({ name, scores, calls }) => ({
      name,
      ...(calls && { calls }),
      scores: scores.map(scoreToJson),
    })),
  };
}

function scoreToJson(one: MetricScore) {
  const { metric, name, score, signature, details, confidence, pValue, segments } = one;
  if (segments !== undefined) return { metric, name, signature, segments: [...segments] };
  return {
    metric,
    name,
    score,
    signature,
    details,
    ...(confidence && { confidence }),
    ...(pValue !== undefined && { pValue }),
  };
}
