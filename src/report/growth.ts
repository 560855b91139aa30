/**
 * How processor time, of generating a line and of an update of training, grows along an axis of counts
 * (calls, candidates, sizes) or with the network's parameters: the exponent of a power law, from the
 * least-squares line through logarithms.
 */
import { type Setting, shortName } from "./summary.ts";
import type { Table } from "./tables.ts";

/** Growth within settings that differ on one axis alone. */
export interface Growth {
  /** What is done. */
  readonly work: Work;
  /** What grows. */
  readonly by: string;
  /** The values that they share. */
  readonly of: string;
  /** By the count, which grows. Costs are processor milliseconds. */
  readonly points: readonly Point[];
  /** e in cost = a count^e. */
  readonly exponent: number;
}

type Work = "a line" | "an update";

/** Values on axes and what they cost. */
interface Cost {
  readonly axes: Setting["axes"];
  readonly parameters: number | undefined;
  /** Null where it was not measured. */
  readonly processor: number | null;
}

/** A count and what it cost. */
interface Point {
  readonly x: number;
  readonly y: number;
}

/** How many times the least count the greatest one must be. */
const LEAST_SPAN = 2;
/** A line through two points always fits. */
const LEAST_POINTS = 3;

/** All growths that can be told. */
export function growthOf(settings: readonly Setting[]): Growth[] {
  const lines = settings.map(({ axes, cells, processor }): Cost => ({
    axes,
    parameters: cells[0]!.training?.parameters,
    processor,
  }));
  return [...growthsOf("a line", lines), ...growthsOf("an update", updatesOf(settings))];
}

/** Trainings by the axes that they depend on. */
function updatesOf(settings: readonly Setting[]): Cost[] {
  const axesOf = ({ axes }: Setting) =>
    Object.fromEntries(Object.entries(axes).filter(([axis]) => !axis.startsWith("generate.")));
  const groups = Map.groupBy(settings, (setting) => JSON.stringify(axesOf(setting)));
  return Array.from(groups.values(), (members): Cost => {
    const trainings = members.flatMap(({ cells }) => cells.map(({ training }) => training));
    return {
      axes: axesOf(members[0]!),
      parameters: trainings[0]?.parameters,
      processor: meanOf(trainings.map((training) => inMilliseconds(training?.updateSeconds))),
    };
  });
}

function inMilliseconds(seconds: number | null | undefined): number | null {
  return seconds === undefined || seconds === null ? null : 1000 * seconds;
}

/** Null where one is. */
function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length < values.length
    ? null
    : known.reduce((sum, value) => sum + value, 0) / known.length;
}

function growthsOf(work: Work, costs: readonly Cost[]): Growth[] {
  const axes = [...new Set(costs.flatMap((cost) => Object.keys(cost.axes)))];
  return axes.flatMap((axis) => {
    const others = axes.filter((name) => name !== axis);
    const groups = Map.groupBy(
      costs.filter((cost) => axis in cost.axes),
      (cost) =>
        others.map((name) => cost.axes[name] ?? "").filter((value) => value !== "").join(", "),
    );
    return Array.from(groups, ([of, members]) => growthAlong(work, axis, of, members))
      .filter((growth) => growth !== undefined);
  });
}

function growthAlong(
  work: Work,
  axis: string,
  of: string,
  costs: readonly Cost[],
): Growth | undefined {
  const counts = costs.map(({ axes }) => axes[axis]);
  const isCounted = counts.every((count) => Number.isInteger(count) && Number(count) > 0);
  const points = costs.flatMap(({ parameters, processor }, i): Point[] => {
    const x = isCounted ? Number(counts[i]) : parameters;
    return x === undefined || processor === null || processor <= 0 ? [] : [{ x, y: processor }];
  });
  const xs = points.map(({ x }) => x);
  // Counts that hardly differ say nothing of a power.
  if (new Set(xs).size < LEAST_POINTS || Math.max(...xs) < LEAST_SPAN * Math.min(...xs)) {
    return undefined;
  }
  return {
    work,
    by: isCounted ? shortName(axis) : `parameters (${shortName(axis)})`,
    of: of || "all",
    points: points.toSorted((a, b) => a.x - b.x),
    exponent: slopeOf(points.map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) }))),
  };
}

/** The slope of the least-squares line. */
function slopeOf(points: readonly Point[]): number {
  const mean = (of: (point: Point) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
  return mean((point) => (point.x - x) * (point.y - y)) / mean((point) => (point.x - x) ** 2);
}

/** A row for each. */
export function growthTable(growths: readonly Growth[]): Table {
  return [
    ["processor time of", "grows with", "of", "from", "to", "points", "to the power of"],
    ...growths.map(({ work, by, of, points, exponent }) => [
      work,
      by,
      of,
      ...[points[0]!.x, points.at(-1)!.x, points.length].map((count) => count.toLocaleString("en")),
      exponent.toFixed(2),
    ]),
  ];
}
