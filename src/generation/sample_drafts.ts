/** A group of sources through a network in the shifted layout: drafts that are verified. */
import { startOf } from "../denoiser/config.ts";
import type { Constraints } from "./constraints.ts";
import { draftAndVerify, type DraftPlan } from "./draft_and_verify.ts";
import { DraftRow } from "./draft_row.ts";
import { draftTrace } from "./draft_trace.ts";
import type { LoadedModel } from "./loaded_model.ts";
import type { Candidate, SampleOptions, SampleResult } from "./sample.ts";
import { scoreTargets, targetOf } from "./score_targets.ts";
import { padSources, type Source } from "./source.ts";
import { decodeTarget } from "./target.ts";
import { drawKey, drawn, DRAWN_FROM, likeliest, ruled } from "./token_chooser.ts";

/** Where calls are limited: as many slots drafted as help, and a block after every slot. */
const FEWEST_CALLS: DraftPlan = { width: 4, blocks: "every" };
/**
 * One slot a call. On a CPU a call costs what its slots cost, for one row as for many: of all plans that
 * `bench/decoding.ts` measures this is the fastest, although it needs twice the calls.
 */
const FASTEST: DraftPlan = { width: 0, blocks: "every" };

/**
 * How calls draft: with "auto" as is fastest. The text is the same; but where calls are limited it is
 * not, and then "auto" is what needs the fewest.
 */
function draftPlan(draft: number | "auto", steps: number | "auto"): DraftPlan {
  if (draft !== "auto") return { width: draft, blocks: "every" };
  return steps === "auto" ? FASTEST : FEWEST_CALLS;
}

/** A source and what is asked of its texts. */
interface ConstrainedSource {
  readonly source: Source;
  readonly constraints: Constraints;
}

/**
 * Generates all candidates of sources. The first is the likeliest token by token, the others are drawn.
 *
 * @param rowsAtOnce rows in a network call, at most
 * @param signal ends the run between two calls: its reason is thrown
 */
export async function sampleDrafts(
  model: LoadedModel,
  inputs: readonly ConstrainedSource[],
  rowsAtOnce: number,
  options: SampleOptions,
  signal?: AbortSignal,
): Promise<SampleResult> {
  const { text } = model.config;
  const { candidates, confidence = false, draft, steps } = options;
  const sources = inputs.map(({ source }) => source);
  const sourceOfRow = Int32Array.from(
    { length: sources.length * candidates },
    (_, row) => Math.floor(row / candidates),
  );
  using decoding = await model.denoiser.decode(padSources(sources, text.pad_id), {
    sourceOfRow,
    positions: text.target_slots,
    portable: false,
  });
  const rows = Array.from(sourceOfRow, (source, row) => {
    const candidate = row % candidates;
    const { forced, limit, rule } = inputs[source]!.constraints;
    const chooser = candidate === 0
      ? likeliest
      : drawn(drawKey(options.seed, sources[source]!.ids, candidate), options);
    return new DraftRow({
      row,
      startId: startOf(text),
      endId: text.eos_id,
      limit,
      mostCalls: steps === "auto" ? Infinity : steps,
      chooser: rule === undefined ? chooser : ruled(chooser, rule, text.eos_id),
      forced,
      rule,
    });
  });
  const weighs = candidates > 1 || inputs.some(({ constraints }) => constraints.rule !== undefined);
  // The longest go first: what is left at the end is then short.
  const lengthOf = ({ row }: DraftRow) => sources[sourceOfRow[row]!]!.ids.length;
  await draftAndVerify(
    decoding,
    rows.toSorted((a, b) => lengthOf(b) - lengthOf(a)),
    {
      rowsAtOnce,
      plan: () => draftPlan(draft, steps),
      top: weighs ? Math.min(DRAWN_FROM, model.config.network.vocabulary_size) : 1,
      logProbabilities: weighs || confidence || (options.trace ?? false),
    },
    signal,
  );
  const texts = rows.map(({ tokens }) =>
    decodeTarget(Int32Array.from(tokens), model.tokenizer, text)
  );
  const sourceOf = (row: number) => sources[sourceOfRow[row]!]!;
  const confidences = confidence
    ? await confidencesOf(model, rows, texts, sourceOf, rowsAtOnce, signal)
    : undefined;
  const made = rows.map((row, i): Candidate => ({
    text: texts[i]!,
    calls: row.calls,
    ...(confidences && { logProbability: confidences[i]! }),
    ...(options.trace && { trace: draftTrace(row, model.config.diffusion.steps) }),
  }));
  const { encoder, network, choice, draft: drafting } = decoding.seconds();
  return {
    candidates: sources.map((_, s) => made.slice(s * candidates, (s + 1) * candidates)),
    seconds: { encoder, network, rounding: choice, update: drafting },
  };
}

/**
 * The mean log-probability of each row's text. It is that of the tokens that the tokenizer makes of the
 * text, so that whoever has only the text finds the same: rows of other tokens, and those in which a
 * draft has settled unverified, take a network call more.
 */
async function confidencesOf(
  model: LoadedModel,
  rows: readonly DraftRow[],
  texts: readonly string[],
  sourceOf: (row: number) => Source,
  rowsAtOnce: number,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const means = rows.map(({ logProbability, tokens }) => logProbability / tokens.length);
  const targets = texts.map((text) => targetOf(model.tokenizer.encode(text), model.config.text));
  const others = [...rows.keys()].filter((i) => {
    const { verified, tokens } = rows[i]!;
    const target = targets[i]!;
    return !verified || Number.isNaN(means[i]) || tokens.length !== target.length ||
      tokens.some((id, slot) => id !== target[slot]);
  });
  const pairs = others.map((i) => ({ source: sourceOf(i), target: targets[i]! }));
  const scores = await scoreTargets(model, pairs, rowsAtOnce, signal);
  for (const [k, i] of others.entries()) {
    means[i] = scores[k]!.reduce((sum, value) => sum + value, 0) / scores[k]!.length;
  }
  return means;
}
