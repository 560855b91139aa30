/** What `bench/calls.ts` found, as a Markdown table and as a picture. */
import { draw, quantity } from "../src/report/charts.ts";
import { digits, median, table } from "./statistics.ts";

/** What one system wrote, and how long it took, turn by turn. */
export interface Measured {
  readonly name: string;
  readonly program: "ardiff" | "CTranslate2";
  readonly bleu: number;
  /** Network calls of every line. */
  readonly calls: readonly number[];
  /** Processor seconds a line in batches, one for each turn. */
  readonly batched: readonly number[];
  /** The same where a line is alone. */
  readonly alone: readonly number[];
  /** Share of lines whose text is the same alone and in a batch. */
  readonly sameAlone: number;
}

/** What the systems are compared with: the first of them that is CTranslate2's. */
export function rivalOf(systems: readonly Measured[]): Measured {
  const rival = systems.find(({ program }) => program === "CTranslate2");
  if (rival === undefined) throw new RangeError("nothing of CTranslate2 was measured");
  return rival;
}

/** A row for each system, numbered as in the picture. */
export function callsTable(systems: readonly Measured[], batchSize: number): string {
  const rival = rivalOf(systems);
  const rows = systems.map((system, index) => [
    `${index + 1}. ${system.program}, ${system.name}`,
    system.bleu.toFixed(2),
    mean(system.calls).toFixed(2),
    `${percentile(system.calls, 0.95)}`,
    `${Math.max(...system.calls)}`,
    digits(1 / median(system.batched)),
    ratio(rival.batched, system.batched),
    digits(1000 * median(system.alone)),
    ratio(rival.alone, system.alone),
    `${(100 * system.sameAlone).toFixed(1)} %`,
  ]);
  return table([
    [
      "system",
      "BLEU",
      "calls a line, mean",
      "p95",
      "max",
      `lines a processor second, batch ${batchSize}`,
      `speed against ${rivalNumber(systems)}`,
      "processor ms a line, batch 1",
      `speed against ${rivalNumber(systems)}`,
      "same text at batch 1",
    ],
    ...rows,
  ]);
}

function rivalNumber(systems: readonly Measured[]): number {
  return systems.indexOf(rivalOf(systems)) + 1;
}

function ratio(theirs: readonly number[], ours: readonly number[]): string {
  return `${digits(median(theirs) / median(ours))}x`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The smallest value that at least a share of all is no greater than. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** BLEU by calls and by processor seconds. Points bear the numbers of the table's rows. */
export async function callsPicture(systems: readonly Measured[], title: string): Promise<string> {
  const values = systems.map(({ program, bleu, calls, batched }, index) => ({
    ...{ program, bleu, number: `${index + 1}` },
    ...{ calls: mean(calls), milliseconds: 1000 * median(batched) },
  }));
  const color = { field: "program", type: "nominal", title: null };
  const panel = (field: string, axis: string) => ({
    width: 390,
    height: 270,
    encoding: { x: quantity(field, axis, { zero: true }), y: quantity("bleu", "BLEU"), color },
    layer: [
      { mark: { type: "point", filled: true, size: 60, opacity: 1 } },
      {
        mark: { type: "text", dx: 8, dy: -7 },
        encoding: { text: { field: "number", type: "nominal" } },
      },
    ],
  });
  const { svg } = await draw("calls", title, {
    data: { values },
    hconcat: [
      panel("calls", "network calls a line, mean"),
      panel("milliseconds", "processor ms a line, in batches"),
    ],
  });
  return svg;
}
