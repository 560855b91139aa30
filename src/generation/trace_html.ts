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
table { border-collapse: separate; border-spacing: 2px; }
th { padding: 0 .4em; color: #555; font-weight: normal; text-align: right; white-space: nowrap; }
thead th { text-align: center; }
td { padding: .1em .4em; border-radius: 3px; text-align: center; white-space: nowrap;
  background: color-mix(in oklch, var(--noise) var(--t), var(--rest)); color: #444; }
td.settled { color: #000; font-weight: 600; box-shadow: inset 0 -2px #1f7a6d; }
td.dropped { background: #f1f1f1; color: #999; }
td.scale { width: 14em; color: #000; display: flex; justify-content: space-between;
  background: linear-gradient(in oklch to right, var(--rest), var(--noise)); }
.legend td { text-align: left; }
.legend td + td { background: none; padding-right: 1.5em; color: #1a1a1a; }
p { margin: .4rem 0 0; }
`;

/** The page up to its first sentence. */
export function pageStart(title: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
<h1>${escapeHtml(title)}</h1>
<table class="legend"><tr>
<td class="scale"><span>0</span><span>T − 1</span></td><td>timestep of a slot, noise to the right</td>
<td class="settled" style="--t:0%">word</td><td>the slot keeps this token from here on</td>
<td class="dropped">–</td><td>dropped: right of the settled end token</td>
</tr></table>
<p>A row is a network call, a column a slot. Each cell has the token that the network predicts.</p>
`;
}

/** A sentence: its chosen candidate. */
export function pageSection(
  { source, text, candidates, chosen }: GenerationResult,
  tokenText: TokenText,
  steps: number,
): string {
  const trace = candidates[chosen ?? 0]?.trace;
  return `<section>
<h2>${escapeHtml(source)}</h2>
${trace === undefined ? "" : table(trace, tokenText, steps)}<p>→ <b>${escapeHtml(text)}</b></p>
</section>
`;
}

/** The end of the page. */
export const PAGE_END = "</html>\n";

function table(trace: Trace, tokenText: TokenText, steps: number): string {
  const { calls, slots, tokens, timesteps } = trace;
  const settled = settlingCalls(trace);
  const cell = (call: number, slot: number): string => {
    const at = call * slots + slot;
    const token = tokens[at]!;
    if (token === -1) return '<td class="dropped">–';
    const share = Math.round(100 * timesteps[at]! / (steps - 1));
    return `<td${call >= settled[slot]! ? ' class="settled"' : ""} style="--t:${share}%" title="${
      escapeHtml(`slot ${slot + 1}, call ${call + 1}, timestep ${timesteps[at]}`)
    }">${escapeHtml(visible(tokenText(token)))}`;
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
