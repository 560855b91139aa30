/**
 * Traces as one self-contained page: slot by call, coloured by timestep. It is made in pieces, so that
 * any number of sentences can be written as they come.
 */
import type { GenerationResult } from "./generate.ts";
import { settlingCalls, type Trace } from "./trace.ts";
import { type TokenText, visible } from "./trace_text.ts";

const STYLE = `
:root { --noise: oklch(0.86 0.11 55); --rest: oklch(0.93 0.06 190); }
body { margin: 2rem; background: #fff; color: #1a1a1a; font: 15px/1.4 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0 0 .5rem; }
section { margin-top: 2rem; overflow-x: auto; }
h2 { font-size: 1rem; margin: 0 0 .4rem; }
h2:empty::after { content: "an empty line"; color: #777; font-weight: normal; }
table { border-collapse: separate; border-spacing: 2px; }
th { padding: 0 .4em; color: #555; font-weight: normal; text-align: right; white-space: nowrap; }
thead th { text-align: center; }
section th:first-child { position: sticky; left: 0; background: #fff; }
td, .legend i { padding: .1em .4em; border-radius: 3px; text-align: center; white-space: nowrap;
  background: color-mix(in oklch, var(--noise) var(--t), var(--rest)); color: #444; }
.settled { font-weight: 600; box-shadow: inset 0 -2px #1f7a6d; }
td.settled, .legend .settled { color: #000; }
td.padding { font-weight: normal; }
td.absent, .legend .absent { background: #f1f1f1; color: #999; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 1.5rem; margin: 0; padding: 0; list-style: none; }
.legend i { font-style: normal; margin-right: .4em; --t: 0%; }
.legend .scale { display: inline-flex; width: 12em; justify-content: space-between; color: #000;
  background: linear-gradient(in oklch to right, var(--rest), var(--noise)); }
p { margin: .4rem 0 0; }
`;

/** What a slot shows that the network fills up: the token's name would take most of the page. */
const PADDING = "·";

/** The page up to its first sentence. */
export function pageStart(title: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
<h1>${escapeHtml(title)}</h1>
<ul class="legend">
<li><i class="scale"><span>0</span><span>T − 1</span></i>timestep of a slot, noise to the right
<li><i class="settled">word</i>the slot keeps this token from here on
<li><i>${PADDING}</i>padding
<li><i class="absent">–</i>left out: not started yet, or right of the settled end token
</ul>
<p>A row is a network call, a column a slot. Each cell has the token that the network predicts.</p>
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
  const trace = candidates[chosen ?? 0]?.trace;
  return `<section>
<h2>${escapeHtml(source.trim())}</h2>
${trace === undefined ? "" : table(trace, model)}<p>→ <b>${escapeHtml(text)}</b></p>
</section>
`;
}

/** The end of the page. */
export const PAGE_END = "</html>\n";

function table(trace: Trace, { tokenText, padId, steps }: PageModel): string {
  const { calls, slots, tokens, timesteps } = trace;
  const settled = settlingCalls(trace);
  const cell = (call: number, slot: number): string => {
    const at = call * slots + slot;
    const token = tokens[at]!;
    if (token === -1) return '<td class="absent">–';
    const share = Math.round(100 * timesteps[at]! / (steps - 1));
    const kinds = [
      ...(call >= settled[slot]! ? ["settled"] : []),
      ...(token === padId ? ["padding"] : []),
    ];
    const attributes = [
      ...(kinds.length > 0 ? [`class="${kinds.join(" ")}"`] : []),
      `style="--t:${share}%"`,
      `title="slot ${slot + 1}, call ${call + 1}, timestep ${timesteps[at]}"`,
    ];
    const text = token === padId ? PADDING : escapeHtml(visible(tokenText(token)));
    return `<td ${attributes.join(" ")}>${text}`;
  };
  const row = (call: number): string =>
    `<tr><th>${call + 1}${range(slots, (slot) => cell(call, slot))}\n`;
  return `<table>
<thead><tr><th>call${range(slots, (slot) => `<th>${slot + 1}`)}
<tbody>
${range(calls, row)}</table>
`;
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
