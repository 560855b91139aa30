/**
 * Traces as one self-contained page: slot by call, coloured by timestep. It is made in pieces, so that
 * any number of sentences can be written as they come.
 */
import type { GenerationResult } from "./generate.ts";
import { settlingCalls, type Trace } from "./trace.ts";
import { TIMESTEP_COLOURS } from "./trace_colours.ts";
import { type TokenText, visible } from "./trace_text.ts";

/** A colour as a custom property, on either ground. */
function property(
  name: string,
  { light, dark }: { readonly light: string; readonly dark: string },
) {
  return `--${name}: light-dark(${light}, ${dark});`;
}

const STYLE = `
:root { color-scheme: light dark; ${
  Object.entries(TIMESTEP_COLOURS).map(([name, colours]) => property(name, colours)).join(" ")
}
  --ground: light-dark(#fff, #0d1117); --ink: light-dark(#1a1a1a, #e6edf3);
  --faint: light-dark(#595959, #9198a1); --away: light-dark(#f1f1f1, #1b2027); }
body { margin: 2rem; background: var(--ground); color: var(--ink);
  font: 15px/1.4 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0 0 .5rem; }
section { margin-top: 2rem; overflow-x: auto; }
h2 { font-size: 1rem; margin: 0 0 .4rem; }
h2:empty::after { content: "an empty line"; color: var(--faint); font-weight: normal; }
table { border-collapse: separate; border-spacing: 2px; }
th { padding: 0 .4em; color: var(--faint); font-weight: normal; text-align: right; white-space: nowrap; }
thead th { text-align: center; }
section th:first-child { position: sticky; left: 0; background: var(--ground); }
td, .legend i { padding: .1em .4em; border-radius: 3px; text-align: center; white-space: nowrap;
  background: color-mix(in srgb, var(--noise) var(--t), var(--rest)); }
.settled { font-weight: 600; box-shadow: inset 0 -2px var(--settled); }
td.padding { font-weight: normal; }
td.absent, .legend .absent { background: var(--away); color: var(--faint); }
s { color: var(--faint); font-weight: normal; }
tr.same { display: none; }
body:has(#all:checked) tr.same { display: table-row; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 1.5rem; margin: .6rem 0 0; padding: 0; list-style: none; }
.legend i { font-style: normal; margin-right: .4em; --t: 0%; }
.legend .scale { display: inline-flex; width: 12em; justify-content: space-between;
  background: linear-gradient(in srgb to right, var(--rest), var(--noise)); }
p { margin: .4rem 0 0; }
`;

/** What a slot shows that the network fills up: the token's name would take most of the page. */
const PADDING = "·";

/**
 * The page up to its first sentence.
 *
 * @param facts what all sentences were made with, by name
 */
export function pageStart(title: string, facts: Readonly<Record<string, string>> = {}): string {
  const told = Object.entries(facts).map(([name, value]) => `${name} ${value}`).join(", ");
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
<h1>${escapeHtml(title)}</h1>
${told === "" ? "" : `<p>${escapeHtml(told)}</p>\n`}<ul class="legend">
<li><i class="scale"><span>0</span><span>T − 1</span></i>timestep of a slot, noise to the right
<li><i class="settled">word</i>the slot keeps this token from here on
<li><i>${PADDING}</i>padding
<li><i class="absent">–</i>left out: not started yet, or right of the settled end token
<li><i><s>word</s></i>a draft that the call did not confirm
</ul>
<p>A row is a network call, a column a slot. Each cell has the token that the network predicts; with the
pointer on it, its timestep and, once settled, its probability.
<label><input type="checkbox" id="all"> also calls that change nothing</label></p>
`;
}

/** What a page must know of the model. */
interface PageModel {
  readonly tokenText: TokenText;
  readonly padId: number;
  /** Diffusion steps T. */
  readonly steps: number;
}

/** A sentence: its chosen candidate. */
export function pageSection(
  { source, text, candidates, chosen }: GenerationResult,
  model: PageModel,
): string {
  const number = chosen ?? 0;
  const { trace, calls = 0 } = candidates[number] ?? {};
  const which =
    `${candidates.length > 1 ? `candidate ${number + 1} of ${candidates.length}, ` : ""}` +
    `${calls} network call${calls === 1 ? "" : "s"}`;
  return `<section>
<h2>${escapeHtml(source.trim())}</h2>
${trace === undefined ? "" : table(trace, model)}<p>→ <b>${escapeHtml(text)}</b> (${which})</p>
</section>
`;
}

/** The end of the page. */
export const PAGE_END = "</html>\n";

function table(trace: Trace, { tokenText, padId, steps }: PageModel): string {
  const { calls, slots, tokens, timesteps, probabilities, rejected } = trace;
  const settled = settlingCalls(trace);
  const word = (token: number) => token === padId ? PADDING : escapeHtml(visible(tokenText(token)));
  const cell = (call: number, slot: number): string => {
    const at = call * slots + slot;
    const token = tokens[at]!;
    const draft = rejected?.[at] ?? -1;
    const wrong = draft === -1 ? "" : ` <s>${word(draft)}</s>`;
    if (token === -1) return `<td class="absent">–${wrong}`;
    const share = Math.round(100 * timesteps[at]! / (steps - 1));
    const isSettled = call >= settled[slot]!;
    const probability = isSettled ? probabilities?.[slot] ?? NaN : NaN;
    const kinds = [
      ...(isSettled ? ["settled"] : []),
      ...(token === padId ? ["padding"] : []),
    ];
    const attributes = [
      ...(kinds.length > 0 ? [`class="${kinds.join(" ")}"`] : []),
      `style="--t:${share}%"`,
      `title="slot ${slot + 1}, call ${call + 1}, timestep ${timesteps[at]}${
        Number.isNaN(probability) ? "" : `, probability ${probability.toFixed(3)}`
      }"`,
    ];
    return `<td ${attributes.join(" ")}>${word(token)}${wrong}`;
  };
  const row = (call: number): string =>
    `<tr${changesNothing(trace, settled, call) ? ' class="same"' : ""}><th>${call + 1}${
      range(slots, (slot) => cell(call, slot))
    }\n`;
  return `<table>
<thead><tr><th>call${range(slots, (slot) => `<th>${slot + 1}`)}
<tbody>
${range(calls, row)}</table>
`;
}

/** Whether a call predicts what the one before did, and no slot settles at it. The last one always shows. */
function changesNothing(
  { calls, slots, tokens, rejected }: Trace,
  settled: Int32Array,
  call: number,
): boolean {
  if (call === 0 || call === calls - 1) return false;
  return settled.every((settlingCall, slot) => {
    const at = call * slots + slot;
    return settlingCall !== call && tokens[at] === tokens[at - slots] &&
      (rejected?.[at] ?? -1) === -1;
  });
}

function range(count: number, piece: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => piece(index)).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character]!);
}
