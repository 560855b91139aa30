/** A group of sources through a network in the shifted layout: drafts that are verified. */
import { startOf } from "../denoiser/config.ts";
import { draftAndVerify, type DraftPlan } from "./draft_and_verify.ts";
import { DraftRow } from "./draft_row.ts";
import type { LoadedModel } from "./loaded_model.ts";
import type { Candidate, SampleOptions, SampleResult } from "./sample.ts";
import { padSources, type Source } from "./source.ts";
import { decodeTarget } from "./target.ts";
import { drawKey, drawn, DRAWN_FROM, likeliest } from "./token_chooser.ts";
import type { Trace } from "./trace.ts";

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

/**
 * Generates all candidates of sources. The first is the likeliest token by token, the others are drawn.
 *
 * @param rowsAtOnce rows in a network call, at most
 * @param signal ends the run between two calls: its reason is thrown
 */
export async function sampleDrafts(
  model: LoadedModel,
  sources: readonly Source[],
  rowsAtOnce: number,
  options: SampleOptions,
  signal?: AbortSignal,
): Promise<SampleResult> {
  const { text } = model.config;
  const { candidates, confidence = false, draft, steps } = options;
  const limit = text.target_slots;
  const sourceOfRow = Int32Array.from(
    { length: sources.length * candidates },
    (_, row) => Math.floor(row / candidates),
  );
  using decoding = await model.denoiser.decode(padSources(sources, text.pad_id), {
    sourceOfRow,
    positions: limit,
    portable: false,
  });
  const rows = Array.from(sourceOfRow, (source, row) => {
    const candidate = row % candidates;
    return new DraftRow({
      row,
      startId: startOf(text),
      endId: text.eos_id,
      limit,
      mostCalls: steps === "auto" ? Infinity : steps,
      chooser: candidate === 0
        ? likeliest
        : drawn(drawKey(options.seed, sources[source]!.ids, candidate), options),
    });
  });
  const draws = candidates > 1;
  // The longest go first: what is left at the end is then short.
  const lengthOf = ({ row }: DraftRow) => sources[sourceOfRow[row]!]!.ids.length;
  await draftAndVerify(
    decoding,
    rows.toSorted((a, b) => lengthOf(b) - lengthOf(a)),
    {
      rowsAtOnce,
      plan: () => draftPlan(draft, steps),
      top: draws ? Math.min(DRAWN_FROM, model.config.network.vocabulary_size) : 1,
      logProbabilities: draws || confidence,
    },
    signal,
  );
  const made = rows.map((row): Candidate => ({
    text: decodeTarget(Int32Array.from(row.tokens), model.tokenizer, text),
    calls: row.calls,
    ...(confidence && { logProbability: row.logProbability / row.tokens.length }),
    ...(options.trace && { trace: traceOf(row, model.config.diffusion.steps) }),
  }));
  const { encoder, network, choice, draft: drafting } = decoding.seconds();
  return {
    candidates: sources.map((_, s) => made.slice(s * candidates, (s + 1) * candidates)),
    seconds: { encoder, network, rounding: choice, update: drafting },
  };
}

/** A row's calls as a trace: what has settled is at timestep 0, what is drafted at T - 1. */
function traceOf({ moments, tokens }: DraftRow, steps: number): Trace {
  const slots = Math.max(...moments.map(({ settled, draft }) => settled + draft.length));
  const trace = {
    calls: moments.length,
    slots,
    tokens: new Int32Array(moments.length * slots).fill(-1),
    timesteps: new Int32Array(moments.length * slots).fill(steps - 1),
  };
  for (const [call, { settled, draft }] of moments.entries()) {
    trace.tokens.set(tokens.slice(0, settled), call * slots);
    trace.tokens.set(draft, call * slots + settled);
    trace.timesteps.fill(0, call * slots, call * slots + settled);
  }
  return trace;
}
