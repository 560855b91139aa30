/**
 * Puts the cells of sweeps together: cells that differ in a seed only are one setting, whose scores are
 * means over seeds, with intervals over seeds and segments.
 */
import { metricScores } from "../metrics/metric_scores.ts";
import { Pcg64 } from "../metrics/pcg64.ts";
import type { ResampledScore } from "../metrics/bootstrap.ts";
import type { Metric } from "../metrics/metric_names.ts";
import type { AxisValue } from "../sweep/plan.ts";
import type { CellRecord, OutputRecord, TestRecord } from "../sweep/records.ts";

/** A cell with what it wrote. */
export interface ReportCell extends CellRecord {
  readonly lines: readonly OutputRecord[];
  readonly references: readonly TestRecord[];
}

/** A 95 % interval. */
interface Interval {
  readonly low: number;
  readonly high: number;
}

/** A difference to another setting. */
interface Difference extends Interval {
  /** What is compared with, by its values on the axes. */
  readonly to: string;
  readonly mean: number;
}

/** Cells that differ in seeds only. */
export interface Setting {
  /** Values on the axes that are no seeds. */
  readonly axes: Readonly<Record<string, AxisValue>>;
  readonly label: string;
  /** The label without the number of steps, or else of candidates: a series differs in that alone. */
  readonly series: string;
  readonly cells: readonly ReportCell[];
  /** Means over seeds, by the metric's name. */
  readonly scores: ReadonlyMap<string, number>;
  /** Of the first metric, where it follows from sums over segments. */
  readonly interval?: Interval;
  /** Of the first metric, to the first setting with the same values on all axes but one. */
  readonly difference?: Difference;
  readonly calls: number;
  /** Milliseconds a line. */
  readonly clock: number;
  /** The same of a processor; null where it was not measured. */
  readonly processor: number | null;
}

/** Axes along which series run: the first of them that varies. */
const COUNTS = ["generate.steps", "generate.candidates"];
const isSeed = (axis: string) => axis.endsWith(".seed");

/** Resamples of intervals, and their seed. */
const RESAMPLES = { count: 500, seed: 1 } as const;

/** All settings, in the order of their first cells. */
export function settingsOf(cells: readonly ReportCell[]): Setting[] {
  // What all cells have in common tells none apart.
  const isSame = (axis: string) => new Set(cells.map(({ axes }) => axes[axis])).size === 1;
  const isLeftOut = (axis: string) => isSeed(axis) || isSame(axis);
  const groups = Map.groupBy(cells, ({ axes }) => labelOf(axes, isLeftOut));
  const along = COUNTS.find((axis) => !isSame(axis));
  const plain = Array.from(
    groups,
    ([label, members]) => plainSetting(label, members, isLeftOut, along),
  ).map(withComparableDiversity);
  const values = resampledMeans(plain);
  return plain.map((setting): Setting => {
    const own = values.get(setting);
    if (own === undefined) return setting;
    const base = baselineOf(setting, plain);
    const theirs = base && values.get(base);
    return {
      ...setting,
      interval: intervalOf(own),
      ...base && theirs && { difference: differenceOf(setting, own, base, theirs) },
    };
  });
}

/**
 * Leaves out Self-BLEU of all outputs where other settings have that of a line's candidates, which is
 * another quantity.
 */
function withComparableDiversity(setting: Setting, _: number, all: readonly Setting[]): Setting {
  const isOfCandidates = ({ cells }: Setting) => cells[0]!.candidates !== undefined;
  if (isOfCandidates(setting) || !all.some(isOfCandidates)) return setting;
  const names = setting.cells[0]!.scores.filter(({ metric }) => metric === "self-bleu")
    .map(({ name }) => name);
  return {
    ...setting,
    scores: new Map([...setting.scores].filter(([name]) => !names.includes(name))),
  };
}

/** A cell's values on the axes, but for some. */
function labelOf(
  axes: Readonly<Record<string, AxisValue>>,
  isLeftOut: (axis: string) => boolean,
): string {
  return Object.entries(axes).filter(([axis]) => !isLeftOut(axis))
    .map(([axis, value]) => /[.]/.test(axis) ? `${shortName(axis)} ${value}` : `${value}`)
    .join(", ") || "all cells";
}

/** An axis without its section. */
export function shortName(axis: string): string {
  return axis.slice(axis.indexOf(".") + 1).replaceAll("_", " ");
}

function plainSetting(
  label: string,
  cells: readonly ReportCell[],
  isLeftOut: (axis: string) => boolean,
  along: string | undefined,
): Setting {
  const { axes } = cells[0]!;
  const mean = (of: (cell: ReportCell) => number) =>
    cells.reduce((sum, cell) => sum + of(cell), 0) / cells.length;
  const names = cells[0]!.scores.map(({ name }) => name);
  const scoreOf = (cell: ReportCell, name: string) =>
    cell.scores.find((score) => score.name === name)?.score ?? NaN;
  return {
    axes: Object.fromEntries(Object.entries(axes).filter(([axis]) => !isSeed(axis))),
    label,
    series: labelOf(axes, (axis) => isLeftOut(axis) || axis === along),
    cells,
    scores: new Map(names.map((name) => [name, mean((cell) => scoreOf(cell, name))])),
    calls: mean(({ calls }) => calls.mean),
    clock: mean(({ seconds, segments }) => 1000 * seconds / segments),
    processor: cells.some(({ processorSeconds }) => processorSeconds === null)
      ? null
      : mean(({ processorSeconds, segments }) => 1000 * processorSeconds! / segments),
  };
}

/**
 * The first setting that has the same axes, and the same values on all of them but the first that has
 * several: what another grid of a plan has beside it is no baseline.
 */
function baselineOf(setting: Setting, settings: readonly Setting[]): Setting | undefined {
  const names = Object.keys(setting.axes);
  const alike = settings.filter(({ axes }) =>
    Object.keys(axes).length === names.length && names.every((name) => name in axes)
  );
  const axis = names.find((name) => new Set(alike.map(({ axes }) => axes[name])).size > 1);
  const base = alike.find(({ axes }) =>
    names.every((name) => name === axis || axes[name] === setting.axes[name])
  );
  return base === setting ? undefined : base;
}

/**
 * Means over seeds of the first metric on resampled segments and seeds, [resamples] a setting. All
 * settings of a test set get the same draws, so that differences can be told.
 */
function resampledMeans(settings: readonly Setting[]): Map<Setting, Float64Array> {
  const values = new Map<Setting, Float64Array>();
  for (const group of Map.groupBy(settings, ({ cells }) => cells[0]!.testSet).values()) {
    const scores = group.map(({ cells }) => cells.map(resampledScore));
    const segments = group[0]!.cells[0]!.segments;
    const seeds = Math.max(...group.map(({ cells }) => cells.length));
    const generator = new Pcg64(RESAMPLES.seed);
    const draws = group.map(() => new Float64Array(RESAMPLES.count));
    for (let sample = 0; sample < RESAMPLES.count; sample++) {
      const drawn = Uint32Array.from({ length: segments }, () => generator.below(segments));
      const runs = Array.from({ length: seeds }, () => generator.below(seeds));
      scores.forEach((ofSeeds, at) => {
        const each = new Map(
          runs.map((run) => run % ofSeeds.length).map((run) => [run, scoreOn(ofSeeds[run], drawn)]),
        );
        const sum = runs.reduce((total, run) => total + each.get(run % ofSeeds.length)!, 0);
        draws[at]![sample] = sum / runs.length;
      });
    }
    group.forEach((setting, at) => {
      if (draws[at]!.every(Number.isFinite)) values.set(setting, draws[at]!);
    });
  }
  return values;
}

/** How the first metric of a cell follows from its segments; undefined where it does not. */
function resampledScore({ scores, lines, references }: ReportCell): ResampledScore | undefined {
  const metric: Metric | undefined = scores[0]?.metric;
  if (metric === undefined || lines.length !== references.length) return undefined;
  const input = {
    hypotheses: lines.map(({ text }) => text),
    references: references.map((line) => line.references),
    sources: references.map(({ source }) => source),
  };
  return metricScores(input, [metric])[0]?.resampling;
}

function scoreOn(score: ResampledScore | undefined, segments: Uint32Array): number {
  return score === undefined ? NaN : score.score(score.statistics.sumOf(segments));
}

/** The middle 95 % of values. */
function intervalOf(values: Float64Array): Interval {
  const sorted = values.toSorted();
  const cut = Math.floor(sorted.length / 40);
  return { low: sorted[cut]!, high: sorted[sorted.length - 1 - cut]! };
}

function differenceOf(
  setting: Setting,
  own: Float64Array,
  base: Setting,
  theirs: Float64Array,
): Difference {
  const name = setting.cells[0]!.scores[0]!.name;
  return {
    to: base.label,
    mean: setting.scores.get(name)! - base.scores.get(name)!,
    ...intervalOf(own.map((value, sample) => value - theirs[sample]!)),
  };
}
