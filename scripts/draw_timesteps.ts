/**
 * Draws the two-level timesteps (SPEC 2) as docs/timesteps.svg, from the functions that generation
 * itself uses:
 *
 *     deno run --allow-read --allow-write scripts/draw_timesteps.ts
 *
 * Left: for some sentence-level indices, the timestep of every slot, on a line from a start point to
 * the anchor. Middle and right: the same as colours, one row a network call, for two step grids. Below:
 * anchors that move with the start point, among them that of the models that come with the project.
 */
import { type SamplingPlan, samplingPlan } from "../src/diffusion/plan.ts";
import { type DiffusionProcess, PAPER_PROCESS, processOf } from "../src/diffusion/process.ts";
import type { StepGridKind } from "../src/diffusion/names.ts";
import { TIMESTEP_COLOURS, timestepColour } from "../src/generation/trace_colours.ts";
import { element, label } from "./svg.ts";

const SLOTS = 16;
const STEPS = PAPER_PROCESS.steps;
const CALLS = 20;
const ANCHOR_SCALE = PAPER_PROCESS.anchor_scale;

const PROCESS = processOf(PAPER_PROCESS);
/** What the models that come with the project do: slots settle one after another, in one move each. */
const SHIPPED = processOf({ ...PAPER_PROCESS, timesteps: "autoregressive" });
/** The same with an anchor further ahead: several slots are under way. */
const MOVING = processOf({ ...PAPER_PROCESS, anchor_distance: 4 });
/** Indices whose lines are drawn: three that start on the slot axis, three on the timestep axis. */
const INDICES = [3, 7, 11, 515, 1015, 1515] as const;

const INK = "#1f2937";
const FAINT = "#9ca3af";
const LEFT_TO_RIGHT = "#b45309";
const ALL_SLOTS = "#1d4ed8";
const SETTLED = TIMESTEP_COLOURS.settled.light;
const BEYOND = "#f3f4f6";

const WIDTH = 960;
const HEIGHT = 768;
const TOP = 64;
/** From a map to the one below it. */
const BELOW = 404;
const CELL = 14;
/** Height of a colour map: the calls and the end. */
const MAP_HEIGHT = (CALLS + 1) * CELL;

/** The lines of f(n, i) over the slots n, each drawn on to the anchor. */
function lines(left: number, width: number): string {
  const anchorSlot = ANCHOR_SCALE * SLOTS;
  const x = (slot: number) => left + slot / anchorSlot * width;
  const y = (timestep: number) => TOP + MAP_HEIGHT * (1 - timestep / (STEPS - 1));
  const point = (slot: number, timestep: number) =>
    `${x(slot).toFixed(1)},${y(timestep).toFixed(1)}`;
  const drawn = INDICES.map((index) => {
    const timesteps = PROCESS.timesteps(SLOTS).at(index);
    const startsOnSlots = index < SLOTS - 1;
    const stroke = startsOnSlots ? LEFT_TO_RIGHT : ALL_SLOTS;
    const last = timesteps[SLOTS - 1]!;
    const [startSlot, startTimestep] = startsOnSlots ? [SLOTS - 1 - index, 0] : [0, timesteps[0]!];
    return [
      element("polyline", {
        points: Array.from(timesteps, (timestep, slot) => point(slot, timestep)).join(" "),
        fill: "none",
        stroke,
        "stroke-width": 2,
      }),
      element("polyline", {
        points: `${point(SLOTS - 1, last)} ${point(anchorSlot, STEPS - 1)}`,
        fill: "none",
        stroke,
        "stroke-dasharray": "2 3",
      }),
      element("circle", { cx: x(startSlot), cy: y(startTimestep), r: 3.5, fill: stroke }),
      label(x(SLOTS - 1) + 5, y(last) + 11, `i = ${index}`, {
        fill: stroke,
        "font-size": 11,
        // A halo keeps lines from crossing the letters.
        stroke: BEYOND,
        "stroke-width": 3,
        "paint-order": "stroke",
      }),
    ].join("");
  });
  const bottom = TOP + MAP_HEIGHT;
  return [
    element("rect", {
      x: x(SLOTS - 0.5),
      y: TOP,
      width: x(anchorSlot) - x(SLOTS - 0.5),
      height: MAP_HEIGHT,
      fill: BEYOND,
    }),
    element("path", { d: `M${left} ${TOP}V${bottom}H${left + width}`, fill: "none", stroke: INK }),
    ...drawn,
    element("circle", { cx: x(anchorSlot), cy: y(STEPS - 1), r: 5, fill: INK }),
    label(x(anchorSlot) - 8, TOP - 8, `anchor (${anchorSlot}, ${STEPS - 1})`, {
      "text-anchor": "end",
    }),
    label(left - 6, TOP + 4, String(STEPS - 1), { "text-anchor": "end" }),
    label(left - 6, bottom, "0", { "text-anchor": "end" }),
    label(left, bottom + 16, "0", { "text-anchor": "middle" }),
    label(x(SLOTS - 1), bottom + 16, String(SLOTS - 1), { "text-anchor": "middle" }),
    label(x(SLOTS / 2), bottom + 34, "slot n", { "text-anchor": "middle" }),
    label(x(1.5 * SLOTS), bottom + 34, "beyond the text", { "text-anchor": "middle", fill: FAINT }),
    element(
      "g",
      { transform: `translate(${left - 34} ${TOP + MAP_HEIGHT / 2}) rotate(-90)` },
      label(0, 0, "timestep f(n, i)", { "text-anchor": "middle" }),
    ),
  ].join("\n");
}

/** A plan to show. */
interface ColourMap {
  readonly left: number;
  readonly top: number;
  readonly process: DiffusionProcess;
  readonly grid: StepGridKind;
  readonly calls: number;
}

/** Rows of a plan as colours: what each slot's timestep is at each network call, and at the end. */
function colourMap(
  { left, grid, process, calls, top }: ColourMap,
): string {
  const run = { slots: SLOTS, evaluations: calls, grid, sampler: "posterior", eta: 0 } as const;
  const plan = samplingPlan(process, run);
  const rows = Array.from({ length: calls + 1 }, (_, call) => {
    const y = top + call * CELL;
    const timesteps = call < calls
      ? plan.from.subarray(call * SLOTS, (call + 1) * SLOTS)
      : plan.to.subarray((calls - 1) * SLOTS);
    const present = call < calls ? presentSlots(plan, call) : SLOTS;
    const cells = Array.from(timesteps, (timestep, slot) =>
      element("rect", {
        x: left + slot * CELL,
        y,
        width: CELL,
        height: CELL,
        fill: slot < present ? colour(timestep) : BEYOND,
      }));
    return cells.join("") + label(
      left - 6,
      y + CELL - 3,
      call < calls ? String(plan.sentenceTimesteps[call]!) : "end",
      { "text-anchor": "end", "font-size": 10 },
    );
  });
  const width = SLOTS * CELL;
  return [
    ...rows,
    element("rect", {
      x: left,
      y: top,
      width,
      height: (calls + 1) * CELL,
      fill: "none",
      stroke: FAINT,
    }),
    label(left - 6, top - 6, "i", { "text-anchor": "end", "font-style": "italic" }),
    label(left + CELL / 2, top + (calls + 1) * CELL + 16, "0", { "text-anchor": "middle" }),
    label(left + width - CELL / 2, top + (calls + 1) * CELL + 16, String(SLOTS - 1), {
      "text-anchor": "middle",
    }),
    label(left + width / 2, top + (calls + 1) * CELL + 34, "slot n", { "text-anchor": "middle" }),
  ].join("\n");
}

/** Slots that take part in a call; the limit of one after another has those alone that settle by it. */
function presentSlots({ present, to, slots }: SamplingPlan, call: number): number {
  const settled = to.subarray(call * slots, (call + 1) * slots).indexOf(STEPS - 1);
  return settled > 0 && present[call] === slots ? settled : present[call]!;
}

/** From little noise to nothing but noise, as on trace pages; settled slots stand out. */
function colour(timestep: number): string {
  return timestep === 0 ? SETTLED : timestepColour(timestep / (STEPS - 1));
}

function legend(left: number, y: number): string {
  const shades = [0, 1, 500, 1000, 1500, STEPS - 1];
  return shades.map((timestep, k) =>
    element("rect", {
      x: left + k * 74,
      y,
      width: CELL,
      height: CELL,
      fill: colour(timestep),
      stroke: FAINT,
    }) + label(left + k * 74 + CELL + 4, y + CELL - 3, timestep === 0 ? "settled" : `${timestep}`)
  ).join("");
}

/** Says that the file is as its writer wants it. */
const AS_WRITTEN = "<!-- deno-fmt-ignore-file -->\n";

/** The picture, the same text at every call. */
export function drawTimesteps(): string {
  const paper = { process: PROCESS, calls: CALLS, top: TOP };
  const low = TOP + BELOW;
  const maps = [
    { ...paper, left: 448, grid: "even", title: `--grid even (the paper), ${CALLS} calls` },
    { ...paper, left: 722, grid: "movement", title: `--grid movement, ${CALLS} calls` },
    {
      ...{ process: SHIPPED, calls: SLOTS, top: low, left: 56, grid: "even" as const },
      title: "The models that come with the project: a slot a call",
    },
    {
      ...{ process: SHIPPED, calls: 6, top: low, left: 448, grid: "even" as const },
      title: "The same in 6 calls",
    },
    {
      ...{ process: MOVING, calls: SLOTS, top: low, left: 722, grid: "left" as const },
      title: "Anchor 4 slots ahead",
    },
  ] as const;
  const heading = { "font-weight": "bold", "font-size": 13 };
  return AS_WRITTEN + element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      width: WIDTH,
      height: HEIGHT,
      "font-family": "sans-serif",
      "font-size": 12,
      fill: INK,
    },
    "\n" + element("title", {}, "Two-level timesteps of AR-Diffusion"),
    "\n" + element("rect", { width: WIDTH, height: HEIGHT, fill: "#ffffff" }),
    "\n" +
      label(56, 24, `Timestep of each of ${SLOTS} slots, T = ${STEPS}`, heading) + "\n" +
      lines(56, 320),
    ...maps.map((map) =>
      "\n" + label(map.left, map.top - 40, map.title, heading) + "\n" + colourMap(map)
    ),
    "\n" + legend(448, HEIGHT - 16) + "\n",
  ) + "\n";
}

if (import.meta.main) {
  Deno.writeTextFileSync(new URL("../docs/timesteps.svg", import.meta.url), drawTimesteps());
}
