/**
 * How well gaps of a development set are filled: of every text one to four words are left out, and a
 * model fills the gap, or writes on from what is left of it. The same call makes the same gaps.
 *
 *   deno task bench-gaps --model DIR[,DIR...] [--data data/tatoeba-en-fr/dev.tsv] [--lines 500]
 *     [--holes 1] [--ways template,prefix] [--set "gapWidth=6 candidates=4"] [--threads 1] [--samples 0]
 *
 * Of a source with several texts the first is taken; 0 lines are all. `exact` is the share of texts that
 * are the one that the gap was made in, to the letter; BLEU is that of whole texts, against that one.
 */
import { parseArgs } from "node:util";
import { leaveOut, upTo } from "../scripts/paragraph_pairs.ts";
import type { GenerationRequest } from "../src/generation/constraints.ts";
import { GENERATION_DEFAULTS } from "../src/generation/generate.ts";
import { Model } from "../src/generation/mod.ts";
import { corpusBleu } from "../src/metrics/bleu.ts";
import { Random } from "../src/random.ts";
import { fillHoles, HOLE } from "../src/text/holes.ts";
import { table } from "./statistics.ts";

/** Words of a gap, at most. */
const MOST = 4;

/** A text with gaps, and what it was. */
interface Example {
  readonly source: string;
  readonly template: string;
  readonly left: string;
  readonly text: string;
}

function examplesOf(tsv: string, lines: number, holes: number): Example[] {
  const texts = new Map<string, string>();
  for (const line of tsv.split("\n")) {
    const [source = "", text] = line.split("\t");
    if (text !== undefined && !texts.has(source)) texts.set(source, text);
  }
  const examples = [...texts].flatMap(([source, text], i): Example[] => {
    const found = leaveOut(text, upTo(MOST), holes, new Random(0, 1, i));
    if (found === undefined) return [];
    const { template } = found;
    const marks = template.texts.slice(1).map(() => HOLE);
    return [{ source, template: fillHoles(template, marks), left: template.texts[0]!, text }];
  });
  return lines === 0 ? examples : examples.slice(0, lines);
}

const WAYS: Readonly<Record<string, (example: Example) => GenerationRequest>> = {
  template: ({ source, template }) => ({ source, template }),
  prefix: ({ source, left }) => ({ source, prefix: left }),
};

const { values: args } = parseArgs({
  options: {
    model: { type: "string" },
    data: { type: "string", default: "data/tatoeba-en-fr/dev.tsv" },
    lines: { type: "string", default: "500" },
    holes: { type: "string", default: "1" },
    ways: { type: "string", default: "template,prefix" },
    set: { type: "string", default: "" },
    threads: { type: "string", default: "1" },
    samples: { type: "string", default: "0" },
  },
});
if (args.model === undefined) throw new Error("Give --model");
const examples = examplesOf(
  Deno.readTextFileSync(args.data),
  Number(args.lines),
  Number(args.holes),
);
const settings = Object.fromEntries(
  args.set.split(" ").filter(Boolean).map((part) => {
    const [name = "", value = ""] = part.split("=");
    return [name, Number.isNaN(Number(value)) ? value : Number(value)];
  }),
);
const rows: (string | number)[][] = [[
  "model",
  "asked for",
  "exact, %",
  "BLEU",
  "calls",
  "seconds",
]];
for (const path of args.model.split(",")) {
  using model = await Model.load(path, { threads: Number(args.threads) });
  for (const way of args.ways.split(",")) {
    const start = performance.now();
    const options = { ...GENERATION_DEFAULTS, ...settings };
    const results = await Array.fromAsync(model.generate(examples.map(WAYS[way]!), options));
    const texts = results.map(({ text }) => text);
    const exact = texts.filter((text, i) => text === examples[i]!.text).length;
    const { score } = corpusBleu(texts, examples.map(({ text }) => [text]));
    const calls = results.reduce((sum, { calls }) => sum + calls, 0) / results.length;
    rows.push([
      path.replace(/.*\//, ""),
      way,
      (100 * exact / examples.length).toFixed(1),
      score.toFixed(1),
      calls.toFixed(1),
      ((performance.now() - start) / 1000).toFixed(0),
    ]);
    for (
      const [i, { source, template, text }] of examples.slice(0, Number(args.samples)).entries()
    ) {
      print(`${way}: ${source} | ${template}\n    ${texts[i]}\n    ${text}\n`);
    }
  }
}
print(
  `${examples.length} texts, gaps of 1 to ${MOST} words, ${args.holes} at most.\n\n${table(rows)}`,
);

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
