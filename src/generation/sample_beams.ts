/** A group of sources through a network in the shifted layout: beam search, whose best texts are candidates. */
import { startOf } from "../denoiser/config.ts";
import { BeamGroup, searchBeams } from "./beam_search.ts";
import type { LoadedModel } from "./loaded_model.ts";
import type { SampleOptions, SampleResult } from "./sample.ts";
import type { ConstrainedSource } from "./sample_drafts.ts";
import { padSources } from "./source.ts";
import { TokenPieces } from "./token_pieces.ts";
import { DRAWN_FROM } from "./token_chooser.ts";
import { progressOf, wishesOf } from "./word_rule.ts";
import { candidatesOf, type WrittenRow } from "./written_texts.ts";

/**
 * The best texts of each source, the best first: as many as candidates are asked for, or fewer where
 * constraints leave no more.
 *
 * @param rowsAtOnce rows in a network call, at most, but those of one source
 * @param signal ends the run between two calls: its reason is thrown
 */
export async function sampleBeams(
  model: LoadedModel,
  inputs: readonly ConstrainedSource[],
  rowsAtOnce: number,
  options: SampleOptions,
  signal?: AbortSignal,
): Promise<SampleResult> {
  const { text, network: { vocabulary_size } } = model.config;
  const { beam: width, lengthPenalty, candidates } = options;
  using decoding = await model.denoiser.decode(
    padSources(inputs.map(({ source }) => source), text.pad_id),
    {
      sourceOfRow: Int32Array.from(
        { length: inputs.length * width },
        (_, row) => Math.floor(row / width),
      ),
      positions: text.target_slots,
      portable: false,
    },
  );
  const pieces = TokenPieces.of(model.tokenizer);
  const groups = inputs.map(({ constraints: { forced, limit, rule, wanted } }, i) =>
    new BeamGroup({
      firstRow: i * width,
      width,
      startId: startOf(text),
      endId: text.eos_id,
      limit,
      forced,
      rule,
      ...(wanted && { progress: progressOf(wanted, pieces), wish: wishesOf(wanted, pieces) }),
      // One more than the beams, as one may be the end; by rules others fall away.
      top: Math.min(rule === undefined ? width + 1 : width + DRAWN_FROM, vocabulary_size),
      lengthPenalty,
    })
  );
  await searchBeams(decoding, groups, Math.max(1, Math.floor(rowsAtOnce / width)), signal);
  const written = groups.map((group, i) =>
    group.best.slice(0, candidates).map(({ tokens, logProbability }): WrittenRow => ({
      source: inputs[i]!.source,
      tokens,
      logProbability: group.calls === 0 ? NaN : logProbability,
      calls: group.calls,
      tokenLogProbabilities: [],
      moments: tokens.slice(inputs[i]!.constraints.forced.length)
        .map((_, k, { length }) => ({ settled: tokens.length - length + k + 1, draft: [] })),
    }))
  );
  const made = await candidatesOf(model, written.flat(), rowsAtOnce, options, signal);
  const { encoder, network, choice, draft } = decoding.seconds();
  return {
    candidates: written.map(({ length }) => made.splice(0, length)),
    seconds: { encoder, network, rounding: choice, update: draft },
  };
}
