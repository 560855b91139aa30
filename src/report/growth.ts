/**
 * How what a line costs grows along an axis of counts (calls, candidates, sizes) or with the network's
 * parameters: the exponent of a power law, from the least-squares line through logarithms.
 */
import { type Setting, shortName } from "./summary.ts";
import type { Table } from "./tables.ts";

/** Growth within settings that differ on one axis alone. */
interface Growth {
  /** What grows. */
  readonly by: string;
  /** The values that they share. */
  readonly of: string;
  /** The least and the greatest count, and how many there are. */
  readonly from: number;
  readonly to: number;
  readonly points: number;
  /** e in cost = a count^e. */
  readonly exponent: number;
}

/** A count and what a line cost. */
interface Point {
  readonly x: number;
  readonly y: number;
}

/** How many times the least count the greatest one must be. */
const LEAST_SPAN = 2;

/** All growths that can be told of processor time a line. */
export function growthOf(settings: readonly Setting[]): Growth[] {
  const axes = [...new Set(settings.flatMap((setting) => Object.keys(setting.axes)))];
  return axes.flatMap((axis) => {
    const others = axes.filter((name) => name !== axis);
    const groups = Map.groupBy(
      settings,
      (setting) => others.map((name) => setting.axes[name] ?? "").join(", "),
    );
    return Array.from(groups, ([of, members]) => growthAlong(axis, of, members))
      .filter((growth) => growth !== undefined);
  });
}

function growthAlong(
  axis: string,
  of: string,
  settings: readonly Setting[],
): Growth | undefined {
  const counts = settings.map(({ axes }) => axes[axis]);
  const isCounted = counts.every((count) => Number.isInteger(count) && Number(count) > 0);
  const points = settings.flatMap((setting, i): Point[] => {
    const x = isCounted ? Number(counts[i]) : setting.cells[0]!.training?.parameters;
    const y = setting.processor;
    return x === undefined || y === null || y <= 0 ? [] : [{ x, y }];
  });
  const xs = points.map(({ x }) => x);
  // Counts that hardly differ say nothing of a power.
  if (points.length < 2 || Math.max(...xs) < LEAST_SPAN * Math.min(...xs)) return undefined;
  return {
    by: isCounted ? shortName(axis) : `parameters (${shortName(axis)})`,
    of: of || "all",
    from: Math.min(...xs),
    to: Math.max(...xs),
    points: points.length,
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
    ["processor time a line grows with", "of", "from", "to", "points", "to the power of"],
    ...growths.map(({ by, of, from, to, points, exponent }) => [
      by,
      of,
      ...[from, to, points].map((count) => count.toLocaleString("en")),
      exponent.toFixed(2),
    ]),
  ];
}
