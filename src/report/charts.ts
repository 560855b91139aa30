/** Charts of what sweeps and runs found, as Vega-Lite draws them, for light and dark grounds. */
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { darkRules, LIGHT } from "./palette.ts";
import type { Setting } from "./summary.ts";
import type { Growth } from "./growth.ts";
import type { Learned } from "./learned.ts";

/** A chart. */
export interface Chart {
  /** Its file's name, without ending. */
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

/** Part of a specification: Vega-Lite checks it when it is compiled. */
type Spec = Readonly<Record<string, unknown>>;

/** Metrics of which less is better. */
const LESS_IS_BETTER: ReadonlySet<string> = new Set(["TER", "Self-BLEU"]);

const SIZE = { width: 480, height: 300 } as const;

const CONFIG: Spec = {
  background: LIGHT.ground,
  font: "sans-serif",
  view: { stroke: null },
  axis: {
    labelColor: LIGHT.ink,
    titleColor: LIGHT.ink,
    tickColor: LIGHT.ink,
    domainColor: LIGHT.ink,
    gridColor: LIGHT.faint,
    labelLimit: 480,
    titleFontWeight: "normal",
  },
  legend: { labelColor: LIGHT.ink, titleColor: LIGHT.ink, labelLimit: 480, symbolLimit: 60 },
  title: { color: LIGHT.ink, fontSize: 13 },
  range: { category: LIGHT.series },
};

/**
 * Draws a chart.
 *
 * @param spec a Vega-Lite specification without title and configuration
 */
export async function draw(name: string, title: string, spec: Spec): Promise<Chart> {
  const whole = { ...SIZE, ...spec, title, config: CONFIG, padding: 8 };
  const { spec: compiled } = compile(whole as unknown as TopLevelSpec, {
    logger: QUIET,
  });
  const view = new View(parse(compiled), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  const at = svg.indexOf(">") + 1;
  return { name, title, svg: `${svg.slice(0, at)}<style>${darkRules()}</style>${svg.slice(at)}\n` };
}

/** Vega-Lite's remarks on specifications are for those who write them. */
const QUIET = {
  level: () => QUIET,
  error: () => QUIET,
  warn: () => QUIET,
  info: () => QUIET,
  debug: () => QUIET,
};

/** A quantity on an axis, which need not begin at 0. */
export const quantity = (field: string, title: string, scale: Spec = {}): Spec => ({
  field,
  type: "quantitative",
  title,
  scale: { zero: false, nice: true, ...scale },
});

/** Not as many as there are colours, so that the two together tell more series apart than either. */
const SHAPES = [
  "circle",
  "square",
  "triangle-up",
  "cross",
  "diamond",
  "triangle-right",
  "triangle-down",
];

/** The same of lines: lengths of dashes and gaps. */
const DASHES = [[1, 0], [6, 3], [2, 2], [9, 3, 2, 3], [14, 3]];

/** A series by one of its marks; names in the order in which they come. */
function channel(names: readonly string[], range: readonly unknown[]): Spec {
  const domain = [...new Set(names)];
  return {
    field: "series",
    type: "nominal",
    title: null,
    scale: { domain, range: domain.map((_, i) => range[i % range.length]) },
  };
}

/** A series of points by its colour and its shape. */
function series(names: readonly string[]): Spec {
  return { color: channel(names, LIGHT.series), shape: channel(names, SHAPES) };
}

/** A series of lines by its colour and its dashes. */
function lines(names: readonly string[]): Spec {
  const legend = { symbolType: "stroke", symbolSize: 400, symbolStrokeWidth: 2 };
  return {
    color: { ...channel(names, LIGHT.series), legend },
    strokeDash: { ...channel(names, DASHES), legend },
  };
}

/** All charts that there is something to show in. */
export async function chartsOf(
  settings: readonly Setting[],
  learned: readonly Learned[],
  growths: readonly Growth[],
): Promise<Chart[]> {
  const charts = [
    growing(growths),
    quality(settings, "calls", "network calls a line"),
    quality(settings, "processor", "processor ms a line"),
    bars(settings),
    diversity(settings),
    curves(learned, "bleu", "BLEU of validation"),
    curves(learned, "loss", "validation loss"),
    byTimestep(learned),
    settling(settings),
  ];
  return (await Promise.all(charts)).filter((chart) => chart !== undefined);
}

/** The metric that charts show: the first. */
function metricOf(settings: readonly Setting[]): string | undefined {
  return settings[0]?.cells[0]?.scores[0]?.name;
}

function quality(
  settings: readonly Setting[],
  cost: "calls" | "processor",
  costTitle: string,
): Promise<Chart> | undefined {
  const metric = metricOf(settings);
  const points = settings.flatMap((setting) => {
    const [x, y] = [setting[cost], metric === undefined ? NaN : setting.scores.get(metric)!];
    return x === null || !Number.isFinite(y) ? [] : [{ series: setting.series, x, y }];
  });
  if (new Set(points.map(({ x }) => x)).size < 2) return undefined;
  const best = paretoFront(points, LESS_IS_BETTER.has(metric!));
  const values = points.map((point) => ({ ...point, onFront: best.has(point) }));
  const encoding = {
    x: quantity("x", costTitle, { type: "log", nice: false, padding: 12 }),
    y: quantity("y", metric!),
  };
  return draw(`quality-${cost}`, `${metric} against ${costTitle} (ringed: the Pareto front)`, {
    data: { values },
    encoding,
    layer: [
      { mark: { type: "line", opacity: 0.5 }, encoding: { color: series(names(values)).color } },
      {
        mark: { type: "point", filled: true, size: 60, opacity: 1 },
        encoding: series(names(values)),
      },
      {
        transform: [{ filter: "datum.onFront" }],
        mark: { type: "point", size: 220, color: LIGHT.ink, strokeWidth: 1.2 },
      },
    ],
  });
}

function names(values: readonly { readonly series: string }[]): string[] {
  return values.map((value) => value.series);
}

/** The points to which no other is at least equal in both and better in one. */
export function paretoFront<P extends { readonly x: number; readonly y: number }>(
  points: readonly P[],
  lessIsBetter = false,
): Set<P> {
  const gain = ({ y }: P) => lessIsBetter ? -y : y;
  return new Set(
    points.filter((point) =>
      !points.some((other) =>
        other.x <= point.x && gain(other) >= gain(point) &&
        (other.x < point.x || gain(other) > gain(point))
      )
    ),
  );
}

function bars(settings: readonly Setting[]): Promise<Chart> | undefined {
  const metric = metricOf(settings);
  if (metric === undefined || settings.length < 2 || settings.length > 60) return undefined;
  const values = settings.map(({ label, scores, interval }) => ({
    label,
    y: scores.get(metric)!,
    ...interval,
  }));
  const y = { field: "label", type: "nominal", sort: null, title: null };
  return draw(
    "settings",
    `${metric}, means over seeds with 95 % intervals over seeds and segments`,
    {
      height: 20 * values.length,
      data: { values },
      layer: [
        {
          mark: { type: "bar", color: LIGHT.series[0] },
          encoding: { y, x: quantity("y", metric, { zero: true }) },
        },
        {
          transform: [{ filter: "isValid(datum.low)" }],
          mark: { type: "rule", color: LIGHT.ink, strokeWidth: 1.5 },
          encoding: { y, x: quantity("low", metric, { zero: true }), x2: { field: "high" } },
        },
      ],
    },
  );
}

function diversity(settings: readonly Setting[]): Promise<Chart> | undefined {
  const metric = metricOf(settings);
  const values = settings.flatMap(({ scores, series }) => {
    const x = scores.get("Self-BLEU");
    return x === undefined || metric === undefined || metric === "Self-BLEU"
      ? []
      : [{ series, x, y: scores.get(metric)! }];
  });
  if (values.length < 2) return undefined;
  return draw("diversity", `${metric} against Self-BLEU (lower: more varied)`, {
    data: { values },
    mark: { type: "point", filled: true, size: 70, opacity: 1 },
    encoding: {
      x: quantity("x", "Self-BLEU"),
      y: quantity("y", metric!),
      ...series(names(values)),
    },
  });
}

function curves(
  learned: readonly Learned[],
  what: "bleu" | "loss",
  title: string,
): Promise<Chart> | undefined {
  const values = learned.flatMap(({ series, run, curve }) =>
    curve.flatMap(({ minutes, [what]: y }) => y === null ? [] : [{ series, run, x: minutes, y }])
  );
  if (values.length <= learned.length) return undefined;
  return draw(`learning-${what}`, `${title} by minutes of training`, {
    data: { values },
    mark: { type: "line", point: { size: 20 } },
    encoding: {
      x: quantity("x", "minutes of training", { zero: true }),
      y: quantity("y", title),
      ...lines(names(values)),
      detail: { field: "run", type: "nominal" },
    },
  });
}

function byTimestep(learned: readonly Learned[]): Promise<Chart> | undefined {
  const values = learned.flatMap(({ series, run, byTimestep }) =>
    byTimestep.map(({ share, nll }) => ({ series, run, x: share, y: nll }))
  );
  if (values.length === 0) return undefined;
  return draw("loss-by-timestep", "Loss by timestep, last validation", {
    data: { values },
    mark: { type: "line", point: { size: 20 } },
    encoding: {
      x: quantity("x", "timestep, share of T", { domain: [0, 1] }),
      y: quantity("y", "negative log-likelihood, nats a slot"),
      ...lines(names(values)),
      detail: { field: "run", type: "nominal" },
    },
  });
}

function growing(growths: readonly Growth[]): Promise<Chart> | undefined {
  const values = growths.flatMap(({ work, by, of, points, exponent }) =>
    points.map(({ x, y }) => ({
      series: `${work} by ${by}${of === "all" ? "" : `, ${of}`}: power ${exponent.toFixed(2)}`,
      x,
      y,
    }))
  );
  if (values.length === 0) return undefined;
  return draw("growth", "Processor time of a line and of an update", {
    data: { values },
    mark: { type: "line", point: { filled: true, size: 60, opacity: 1 } },
    encoding: {
      x: quantity("x", "count", { type: "log", nice: false, padding: 12 }),
      y: quantity("y", "processor ms", { type: "log" }),
      ...series(names(values)),
    },
  });
}

/** Of each series the setting with the most calls, up to this many. */
const MOST_CALLS = 20;

function settling(settings: readonly Setting[]): Promise<Chart> | undefined {
  const shown = new Map<string, readonly number[]>();
  for (const { series, cells } of settings) {
    const shares = cells[0]!.settled;
    if (shares === undefined || shares.length > MOST_CALLS) continue;
    if (shares.length > (shown.get(series)?.length ?? 0)) shown.set(series, shares);
  }
  const values = Array.from(
    shown,
    ([series, shares]) => [0, ...shares].map((y, call) => ({ series, x: call, y })),
  ).flat();
  if (values.length === 0) return undefined;
  return draw("settled", "Share of slots that have settled, call by call", {
    data: { values },
    mark: { type: "line", interpolate: "step-after" },
    encoding: {
      x: quantity("x", "network calls"),
      y: quantity("y", "share of slots at timestep 0", { domain: [0, 1] }),
      ...lines(names(values)),
    },
  });
}
