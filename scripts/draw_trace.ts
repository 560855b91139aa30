/**
 * Draws how a sentence of the model that comes with the project settles, docs/trace.svg: a row for
 * each network call, with what has settled, what is drafted, and what a call has refused of the draft
 * before it.
 *
 *     deno run --allow-read --allow-write=docs --allow-env --allow-ffi scripts/draw_trace.ts
 */
import type { Trace } from "../src/generation/trace.ts";
import { TIMESTEP_COLOURS, timestepColour } from "../src/generation/trace_colours.ts";
import { visible } from "../src/generation/trace_text.ts";
import { Model } from "../src/mod.ts";
import { element, label } from "./svg.ts";

const MODEL = "tatoeba-en-fr-small";
const DRAFT = 6;
const SOURCE = "My brother lives in London and works in a bank near the station.";

const INK = "#1f2937";
const FAINT = "#6b7280";
const ROW = 47;
const TOP = 62;
const LEFT = 64;
/** Width of a letter, of a box's padding and of the gap between boxes. */
const LETTER = 7.8;
const PADDING = 14;
const GAP = 4;

/** The rows of a trace whose slots are drawn as wide as their widest token. */
function picture(trace: Trace, tokenText: (id: number) => string): string {
  const { calls, slots, tokens, timesteps, rejected } = trace;
  const textAt = (ids: Int32Array, call: number, slot: number) => {
    const id = ids[call * slots + slot]!;
    return id === -1 ? "" : visible(tokenText(id));
  };
  const numbers = Array.from({ length: calls }, (_, call) => call);
  const widths = Array.from({ length: slots }, (_, slot) =>
    PADDING + LETTER * Math.max(
        ...numbers.flatMap((call) =>
          [tokens, rejected!].map((ids) => textAt(ids, call, slot).length)
        ),
      ));
  const lefts = widths.map((_, slot) =>
    LEFT + widths.slice(0, slot).reduce((sum, width) => sum + width + GAP, 0)
  );
  const boxes = numbers.flatMap((call) => {
    const y = TOP + call * ROW;
    const row = widths.map((width, slot) => {
      const text = textAt(tokens, call, slot);
      const refused = textAt(rejected!, call, slot);
      if (text === "") return "";
      const hasSettled = timesteps[call * slots + slot] === 0;
      const shows = refused !== "" && refused !== text ? refused : "";
      return box({ x: lefts[slot]!, y, width }, text, hasSettled) +
        (shows === "" ? "" : struck(lefts[slot]! + width / 2, y - 5, shows));
    });
    return [label(12, y + 19, `call ${call + 1}`, { fill: FAINT, "font-size": 12 }), ...row];
  });
  const width = Math.max(640, lefts.at(-1)! + widths.at(-1)! + 16);
  const height = TOP + calls * ROW + 8;
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${Math.ceil(width)} ${height}`,
      "font-family": "ui-monospace, monospace",
      "font-size": 13,
      role: "img",
    },
    element("title", {}, `How "${SOURCE}" is translated in ${calls} network calls`),
    element("rect", { width: "100%", height: "100%", fill: "#ffffff" }),
    label(12, 24, SOURCE, { fill: INK, "font-size": 14 }),
    legend(12 + LETTER * 1.1 * SOURCE.length + 24),
    ...boxes,
  );
}

/** A token in its slot. */
function box(
  { x, y, width }: { readonly x: number; readonly y: number; readonly width: number },
  text: string,
  hasSettled: boolean,
): string {
  const stroke = hasSettled ? { stroke: TIMESTEP_COLOURS.settled.light } : { stroke: "none" };
  const fill = timestepColour(hasSettled ? 0 : 1);
  return element("rect", { x, y, width, height: 28, rx: 4, fill, ...stroke }) +
    label(x + width / 2, y + 19, text, { fill: INK, "text-anchor": "middle" });
}

/** A token that was refused, above what took its place. */
function struck(x: number, y: number, text: string): string {
  const style = { "text-anchor": "middle", "text-decoration": "line-through", "font-size": 11 };
  return label(x, y, text, { fill: FAINT, ...style });
}

function legend(x: number): string {
  const entry = (at: number, hasSettled: boolean, text: string) =>
    element("rect", {
      x: at,
      y: 12,
      width: 16,
      height: 16,
      rx: 3,
      fill: timestepColour(hasSettled ? 0 : 1),
      stroke: hasSettled ? TIMESTEP_COLOURS.settled.light : "none",
    }) + label(at + 22, 24, text, { fill: FAINT, "font-size": 12 });
  return entry(x, true, "settled") + entry(x + 90, false, "drafted") +
    label(x + 180, 24, "refused", {
      fill: FAINT,
      "font-size": 12,
      "text-decoration": "line-through",
    });
}

using model = await Model.load(MODEL);
for await (const { candidates } of model.generate(SOURCE, { draft: DRAFT, trace: true })) {
  const { trace } = candidates[0]!;
  const end = model.config.text.eos_id;
  const tokenText = (id: number) => id === end ? "(end)" : model.tokenizer.decode([id]);
  Deno.writeTextFileSync("docs/trace.svg", `${picture(trace!, tokenText)}\n`);
}
