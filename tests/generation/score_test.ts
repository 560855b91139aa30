/** Scores of given texts against those that generation gives what it writes. */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { generateBatch, GENERATION_DEFAULTS } from "../../src/generation/generate.ts";
import type { LoadedModel } from "../../src/generation/loaded_model.ts";
import { scorePairs, type TextPair } from "../../src/generation/score_pairs.ts";
import { padSources } from "../../src/generation/source.ts";
import { encodeSource } from "../../src/generation/source.ts";
import { startOf } from "../../src/denoiser/config.ts";
import { UserError } from "../../src/errors.ts";
import { withShiftedModel, withTinyModel } from "./tiny_model.ts";

const LINES = Array.from({ length: 20 }, (_, i) => `a ${["dog", "red sky", "man"][i % 3]} ${i}`);

function scoresOf(model: LoadedModel, pairs: readonly TextPair[], batchSize = 32) {
  return Array.fromAsync(scorePairs(model, pairs, { batchSize }));
}

Deno.test(
  "scorePairs() gives each candidate the score that generation reports",
  withShiftedModel(async (model) => {
    const greedy = {
      ...GENERATION_DEFAULTS,
      candidates: 4,
      scores: true,
      temperature: 2,
      epsilon: 0,
    };
    for (const options of [greedy, { ...greedy, draft: 3 }, { ...greedy, steps: 3 }]) {
      const results = await generateBatch(model, LINES, { ...options, select: "first" });
      const all = results.flatMap(({ source, candidates }) =>
        candidates.map((candidate) => ({ source, ...candidate }))
      );
      const scores = await scoresOf(
        model,
        all.map(({ source, text }) => ({ source, target: text })),
      );
      assertEquals(scores.length, all.length);
      let longest = 0;
      for (const [i, { sum, tokens, logProbability }] of scores.entries()) {
        assertAlmostEquals(logProbability, all[i]!.logProbability!, 1e-5);
        assertAlmostEquals(sum, tokens.length * all[i]!.logProbability!, 1e-5 * tokens.length);
        longest = Math.max(longest, tokens.length);
      }
      assert(longest > 4, "all texts are short");
    }
  }),
);

Deno.test(
  "scorePairs() gives a token what a network call at its place gives it",
  withShiftedModel(async (model) => {
    const pair = { source: "a red dog", target: "the dog is in the street" };
    const [score] = await scoresOf(model, [pair]);
    const { text } = model.config;
    const target = [...model.tokenizer.encode(pair.target), text.eos_id];
    const source = encodeSource(pair.source, model.tokenizer, text);
    using decoding = await model.denoiser.decode(padSources([source], text.pad_id), {
      sourceOfRow: new Int32Array(1),
      positions: text.target_slots,
      portable: false,
    });
    for (const [place, id] of target.entries()) {
      const vocabulary = model.config.network.vocabulary_size;
      const ids = new Int32Array(vocabulary), logProbabilities = new Float32Array(vocabulary);
      await decoding.step({
        rows: new Int32Array(1),
        streamCounts: Int32Array.of(1),
        streamIds: Int32Array.of(place === 0 ? startOf(text) : target[place - 1]!),
        width: 0,
        blocks: new Uint8Array(1),
        top: vocabulary,
        ids,
        logProbabilities,
      });
      const expected = logProbabilities[ids.indexOf(id)]!;
      assertAlmostEquals(score!.tokens[place]!.logProbability, expected, 1e-6);
    }
    assertEquals(score!.tokens.length, target.length);
    assertAlmostEquals(score!.perplexity, Math.exp(-score!.sum / target.length), 1e-9);
  }),
);

Deno.test(
  "scorePairs() scores a pair alike in any batch",
  withShiftedModel(async (model) => {
    const pairs = LINES.map((source, i) => ({ source, target: LINES[(i * 7) % 20]! }));
    const expected = await scoresOf(model, pairs, 1);
    for (const batchSize of [3, 32]) {
      assertEquals(await scoresOf(model, pairs, batchSize), expected);
    }
  }),
);

Deno.test(
  "scorePairs() scores the empty text by its end, and cuts what is over the limit",
  withShiftedModel(async (model) => {
    const long = Array(60).fill("dog").join(" ");
    const [empty, cut] = await scoresOf(model, [
      { source: "a dog", target: "" },
      { source: "a dog", target: long },
    ]);
    assertEquals([empty!.tokens.length, empty!.truncated], [1, false]);
    assertEquals([cut!.tokens.length, cut!.truncated], [model.config.text.target_slots, true]);
  }),
);

Deno.test(
  "scorePairs() refuses a model that gives no probabilities of texts, and says why",
  withTinyModel(async (model) => {
    await assertRejects(
      () => scoresOf(model, [{ source: "a", target: "b" }]),
      UserError,
      "Cannot score: the slots of this model settle over many network calls",
    );
  }),
);
