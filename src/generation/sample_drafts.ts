/** A group of sources through a network in the shifted layout: drafts that are verified. */
import { startOf } from "../denoiser/config.ts";
import type { Constraints } from "./constraints.ts";
import { draftAndVerify, type DraftPlan } from "./draft_and_verify.ts";
import { DraftRow } from "./draft_row.ts";
import type { LoadedModel } from "./loaded_model.ts";
import type { SampleOptions, SampleResult } from "./sample.ts";
import { padSources, type Source } from "./source.ts";
import { drawKey, drawn, DRAWN_FROM, likeliest, ruled } from "./token_chooser.ts";
import { candidatesOf, type WrittenRow } from "./written_texts.ts";

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
export interface ConstrainedSource {
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
    const { forced, gaps, limit, rule } = inputs[source]!.constraints;
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
      gaps,
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
  const written = rows.map((row): WrittenRow => ({
    source: sources[sourceOfRow[row.row]!]!,
    tokens: row.tokens,
    // A draft's own log-probabilities are not those that the network would give it.
    logProbability: row.verified ? row.logProbability : NaN,
    calls: row.calls,
    moments: row.moments,
    tokenLogProbabilities: row.tokenLogProbabilities,
  }));
  const made = await candidatesOf(model, written, rowsAtOnce, options, signal);
  const { encoder, network, choice, draft: drafting } = decoding.seconds();
  return {
    candidates: sources.map((_, s) => made.slice(s * candidates, (s + 1) * candidates)),
    seconds: { encoder, network, rounding: choice, update: drafting },
  };
}
