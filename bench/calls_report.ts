/** What `bench/calls.ts` found, as a Markdown table and as a picture. */
import { element, label } from "../scripts/svg.ts";
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

const INK = "#1f2937";
const FAINT = "#d1d5db";
const COLOURS = { ardiff: "#1d4ed8", CTranslate2: "#b45309" } as const;
const WIDTH = 960;
const HEIGHT = 400;
const TOP = 64;
const PANEL = { width: 390, height: 270 } as const;

/** BLEU by calls and by processor seconds. Points bear the numbers of the table's rows. */
export function callsPicture(systems: readonly Measured[], title: string): string {
  const panels = [
    { left: 60, axis: "network calls a line, mean", of: ({ calls }: Measured) => mean(calls) },
    {
      left: 540,
      axis: "processor ms a line, in batches",
      of: ({ batched }: Measured) => 1000 * median(batched),
    },
  ];
  const size = { width: WIDTH, height: HEIGHT };
  return "<!-- deno-fmt-ignore-file -->\n" + element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      ...size,
      "font-family": "sans-serif",
      "font-size": 12,
      fill: INK,
    },
    `\n${element("rect", { ...size, fill: "#ffffff" })}`,
    `\n${label(60, 24, title, { "font-weight": "bold", "font-size": 13 })}`,
    ...Object.entries(COLOURS).map(([program, fill], index) =>
      `\n${element("circle", { cx: 64 + 90 * index, cy: 42, r: 5, fill })}` +
      label(74 + 90 * index, 46, program)
    ),
    ...panels.map(({ left, axis, of }) => `\n${panel(systems, left, axis, of)}`),
    "\n",
  ) + "\n";
}

/** BLEU over one quantity, which begins at 0. */
function panel(
  systems: readonly Measured[],
  left: number,
  axis: string,
  quantity: (system: Measured) => number,
): string {
  const bottom = TOP + PANEL.height;
  const across = scale([0, ...systems.map(quantity)]);
  const up = scale(systems.map(({ bleu }) => bleu));
  const x = (value: number) => left + PANEL.width * across.share(value);
  const y = (value: number) => bottom - PANEL.height * up.share(value);
  return [
    ...up.ticks.map((tick) =>
      element("path", { d: `M${left} ${y(tick)}h${PANEL.width}`, stroke: FAINT }) +
      label(left - 6, y(tick) + 4, `${tick}`, { "text-anchor": "end" })
    ),
    ...across.ticks.map((tick) =>
      element("path", { d: `M${x(tick)} ${bottom}v4`, stroke: INK }) +
      label(x(tick), bottom + 17, `${tick}`, { "text-anchor": "middle" })
    ),
    element("path", { d: `M${left} ${TOP}V${bottom}h${PANEL.width}`, fill: "none", stroke: INK }),
    label(left - 6, TOP - 8, "BLEU", { "text-anchor": "middle" }),
    label(left + PANEL.width / 2, bottom + 36, axis, { "text-anchor": "middle" }),
    ...systems.map((system, index) =>
      point(x(quantity(system)), y(system.bleu), `${index + 1}`, COLOURS[system.program])
    ),
  ].join("\n");
}

function point(x: number, y: number, content: string, fill: string): string {
  return element("circle", { cx: x, cy: y, r: 4.5, fill }) +
    label(x + 7, y - 5, content, { "font-size": 11, fill });
}

/** An axis: round numbers that embrace all values, and where between them a value lies. */
export function scale(values: readonly number[]) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const rough = (high - low || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough)!;
  const [first, last] = [Math.floor(low / step), Math.max(Math.ceil(high / step), 1)];
  const ticks = Array.from(
    { length: last - first + 1 },
    (_, index) => Number(((first + index) * step).toPrecision(12)),
  );
  return { ticks, share: (value: number) => (value / step - first) / (last - first) };
}
