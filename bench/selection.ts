/**
 * What choosing among candidates is worth on a real model: BLEU of the first candidate, of MBR, of
 * the model's confidence, of mixtures of both and of the best candidate (the oracle), by the number
 * of candidates; and how often the cheaper forms of MBR choose as the exact one does.
 *
 *   deno task bench-selection --model models/tatoeba-en-fr-small \
 *     --config configs/tatoeba-en-fr-small.toml [--lines 500] [--candidates 5,10,50] [--steps 5]
 *     [--grid even] [--dtype bf16] [--threads 0]
 *
 * Lines are spaced evenly over the development set that the configuration names. Candidate k of a
 * line is the same whatever the number of candidates, so fewer are the first of more.
 */
import { parseArgs } from "node:util";
import type { StepGridKind } from "../src/diffusion/names.ts";
import { type ChoiceOptions, choose } from "../src/generation/choose.ts";
import { GENERATION_DEFAULTS, type GenerationResult } from "../src/generation/generate.ts";
import { Model } from "../src/generation/mod.ts";
import { select } from "../src/mbr/select.ts";
import { corpusBleu, sentenceBleu } from "../src/metrics/bleu.ts";
import { readReferences } from "../src/text/records.ts";
import { parseTrainingConfig } from "../src/training/config.ts";
import { table } from "./statistics.ts";

const { values: args } = parseArgs({
  options: {
    model: { type: "string" },
    config: { type: "string" },
    lines: { type: "string", default: "500" },
    candidates: { type: "string", default: "5,10,50" },
    steps: { type: "string", default: "5" },
    grid: { type: "string", default: "even" },
    dtype: { type: "string", default: "bf16" },
    threads: { type: "string", default: "0" },
  },
});
if (args.model === undefined || args.config === undefined) {
  throw new Error("Give --model, --config");
}
const counts = args.candidates.split(",").map(Number);

/** Ways to choose, as they are called in the report. */
const CHOICES: Readonly<Record<string, Partial<ChoiceOptions>>> = {
  "first": { select: "first" },
  "MBR, BLEU": { select: "mbr" },
  "MBR, chrF": { select: "mbr", utility: "chrf" },
  "confidence": { select: "confidence" },
  "mixture, w = 0.25": { select: "mixture", confidenceWeight: 0.25 },
  "mixture, w = 0.5": { select: "mixture", confidenceWeight: 0.5 },
  "mixture, w = 0.75": { select: "mixture", confidenceWeight: 0.75 },
  "coverage": { select: "coverage" },
};

const { data } = parseTrainingConfig(Deno.readTextFileSync(args.config), args.config, []);
if (data.dev === null) throw new Error(`${args.config} names no development set`);
const all = await Array.fromAsync(readReferences(data.dev));
const wanted = Math.min(Number(args.lines), all.length);
const examples = Array.from(
  { length: wanted },
  (_, i) => all[Math.floor(i * all.length / wanted)]!,
);
const references = examples.map((example) => example.references);
const results = await generateAll();

const rows: (string | number)[][] = [["BLEU", ...counts.map((count) => `K = ${count}`)]];
for (const [name, options] of Object.entries(CHOICES)) {
  rows.push([name, ...await Promise.all(counts.map((count) => bleuOf(count, options)))]);
}
rows.push(["the best of all (oracle)", ...counts.map(oracle)]);
rows.push(["distinct candidates", ...counts.map(distinctShare)]);
for (const method of ["prune", "aggregate"] as const) {
  const agreement = await Promise.all(counts.map((count) => agreementOf(count, method)));
  rows.push([`${method} chooses as exact MBR does`, ...agreement]);
}
print(
  `${args.model}, ${examples.length} lines, ${args.steps} steps, grid ${args.grid}, ${args.dtype}.\n\n` +
    `${table(rows)}`,
);

/** All candidates of all lines, with their confidences. */
async function generateAll(): Promise<GenerationResult[]> {
  using model = await Model.load(args.model!, {
    dtype: args.dtype === "f32" ? "f32" : "bf16",
    threads: Number(args.threads),
  });
  const sources = examples.map(({ source }) => source);
  return await Array.fromAsync(model.generate(sources, {
    candidates: Math.max(...counts),
    steps: Number(args.steps),
    grid: args.grid as StepGridKind,
    select: "confidence",
  }));
}

async function chosen(
  count: number,
  options: Partial<ChoiceOptions>,
): Promise<string[]> {
  const choices = await Promise.all(results.map(({ source, candidates }) =>
    choose(
      source,
      candidates.slice(0, count),
      { ...GENERATION_DEFAULTS, select: "mbr", ...options },
      (texts, selection) => Promise.resolve(select(texts, selection)),
    )
  ));
  return choices.map(({ candidates, chosen }) => candidates[chosen!]!.text);
}

async function bleuOf(
  count: number,
  options: Partial<ChoiceOptions>,
): Promise<string> {
  const texts = await chosen(count, options);
  return corpusBleu(texts, references).score.toFixed(2);
}

/** BLEU of the candidates that are best by sentence BLEU against the references. */
function oracle(count: number): string {
  const texts = results.map(({ candidates }, line) => {
    const scores = candidates.slice(0, count)
      .map(({ text }) => sentenceBleu(text, references[line]!).score);
    return candidates[scores.indexOf(Math.max(...scores))]!.text;
  });
  return corpusBleu(texts, references).score.toFixed(2);
}

function distinctShare(count: number): string {
  const sum = results.reduce(
    (total, { candidates }) =>
      total + new Set(candidates.slice(0, count).map(({ text }) => text)).size,
    0,
  );
  return percent(sum / (count * results.length));
}

async function agreementOf(count: number, mbrMethod: "prune" | "aggregate"): Promise<string> {
  const [exact, other] = await Promise.all([chosen(count, {}), chosen(count, { mbrMethod })]);
  return percent(exact.filter((text, i) => text === other[i]).length / exact.length);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
