import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import {
  BeamGroup,
  type BeamNetwork,
  type BeamOptions,
  searchBeams,
} from "../../src/generation/beam_search.ts";
import {
  generateBatch,
  type GenerateOptions,
  GENERATION_DEFAULTS,
} from "../../src/generation/generate.ts";
import type { LoadedModel } from "../../src/generation/loaded_model.ts";
import { scorePairs } from "../../src/generation/score_pairs.ts";
import { noEndBefore } from "../../src/generation/token_rules.ts";
import { Random } from "../../src/random.ts";
import { withShiftedModel, withTinyModel } from "./tiny_model.ts";

const END = 2, START = 1, VOCABULARY = 6;

/** Log-probabilities of all tokens after others. */
type Language = (settled: readonly number[]) => number[];

function logSoftmax(logits: readonly number[]): number[] {
  const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  return logits.map((logit) => logit - total);
}

/** A language of tokens 2 to 5, whose texts end sooner or later. */
const random: Language = (settled) =>
  logSoftmax(
    Array.from({ length: VOCABULARY }, (_, id) =>
      id < END
        ? -50
        : 3 * new Random(9, 0, id, ...settled).uniform() + (id === END ? settled.length - 2 : 0)),
  );

/** Rows whose tokens a language follows. */
class FakeNetwork implements BeamNetwork {
  readonly rows = new Map<number, number[]>();
  calls = 0;
  readonly #language: Language;

  constructor(language: Language) {
    this.#language = language;
  }

  step(step: Parameters<BeamNetwork["step"]>[0]): Promise<void> {
    this.calls++;
    let at = 0;
    step.rows.forEach((row, i) => {
      const cache = [...this.rows.get(row) ?? []];
      for (let slot = 0; slot < step.streamCounts[i]!; slot++, at++) {
        cache.push(step.streamIds[at]!);
        assert(!cache.includes(END), "a text that has ended goes on");
        const scores = this.#language(cache.slice(1));
        const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!);
        for (let rank = 0; rank < step.top; rank++) {
          step.ids[at * step.top + rank] = order[rank]!;
          step.logProbabilities![at * step.top + rank] = scores[order[rank]!]!;
        }
        if (step.wanted) step.wanted.logProbabilities[at] = scores[step.wanted.ids[at]!]!;
      }
      this.rows.set(row, cache);
    });
    return Promise.resolve();
  }

  copy(from: Int32Array, to: Int32Array): void {
    const read = Array.from(from, (row) => [...this.rows.get(row)!]);
    to.forEach((row, i) => this.rows.set(row, read[i]!));
  }
}

function group(options: Partial<BeamOptions> = {}): BeamGroup {
  return new BeamGroup({
    firstRow: 0,
    width: 3,
    startId: START,
    endId: END,
    limit: 7,
    forced: [],
    rule: undefined,
    top: VOCABULARY,
    lengthPenalty: 1,
    ...options,
  });
}

async function search(language: Language, options: Partial<BeamOptions> = {}) {
  const beams = group(options);
  await searchBeams(new FakeNetwork(language), [beams], 1);
  return beams.best;
}

/** All texts that end within a limit, the best first. */
function allTexts(language: Language, limit: number, power: number) {
  const found: { tokens: number[]; score: number }[] = [];
  const extend = (tokens: number[], sum: number): void => {
    for (const [id, score] of language(tokens).entries()) {
      if (id < END) continue;
      const grown = [...tokens, id];
      if (id === END) found.push({ tokens: grown, score: (sum + score) / grown.length ** power });
      else if (grown.length < limit) extend(grown, sum + score);
    }
  };
  extend([], 0);
  return found.sort((a, b) => b.score - a.score);
}

Deno.test("searchBeams() finds the best texts of all where beams suffice", async () => {
  for (const lengthPenalty of [0, 0.6, 1]) {
    const best = await search(random, { width: 256, limit: 5, lengthPenalty });
    const all = allTexts(random, 5, lengthPenalty);
    assertEquals(
      best.slice(0, 20).map(({ tokens }) => tokens),
      all.slice(0, 20).map(({ tokens }) => tokens),
    );
    const { tokens, logProbability } = best[0]!;
    assertAlmostEquals(logProbability / tokens.length ** lengthPenalty, all[0]!.score, 1e-6);
  }
});

Deno.test("searchBeams() with one beam is greedy", async () => {
  const { tokens } = (await search(random, { width: 1 }))[0]!;
  const greedy: number[] = [];
  while (greedy.at(-1) !== END) {
    const scores = random(greedy);
    greedy.push(scores.indexOf(Math.max(...scores)));
  }
  assertEquals(tokens, greedy);
});

Deno.test("searchBeams() does for a group what it does for it alone", async () => {
  const rules = [undefined, noEndBefore(5, END), undefined, undefined];
  const options = (i: number): Partial<BeamOptions> => ({
    rule: rules[i],
    forced: i % 2 === 0 ? [] : [3, 4],
    width: 3,
    top: rules[i] ? VOCABULARY : 4,
  });
  const together = rules.map((_, i) => group({ ...options(i), firstRow: 3 * i }));
  await searchBeams(new FakeNetwork(random), together, 3);
  for (const [i, { best }] of together.entries()) {
    assertEquals(best, await search(random, options(i)));
  }
});

/** A language in which one text of five tokens is likely, and its end is next likely all the while. */
const straight: Language = (settled) =>
  logSoftmax(Array.from({ length: VOCABULARY }, (_, id) => {
    if (id < END) return -50;
    if (settled.length >= 5) return id === END ? 5 : 0;
    return id === 3 + settled.length % 3 ? 3 : id === END ? 2 : 0;
  }));

Deno.test("an end right after a prefix in another beam does not end the search", async () => {
  const [first, ...others] = await search(straight, { forced: [3], width: 2 });
  assertEquals(first!.tokens, [3, 4, 5, 3, 4, END]);
  assert(others.every(({ tokens }) => tokens[0] === 3));
});

Deno.test("beams differ behind a prefix, and so do texts", async () => {
  const beams = group({ forced: [3, 4], width: 4 });
  const network = new FakeNetwork(random);
  await searchBeams(network, [beams], 1);
  const texts = beams.best.map(({ tokens }) => tokens.join(" "));
  assertEquals([texts.length, new Set(texts).size], [4, 4]);
  assert(texts.every((text) => text.startsWith("3 4 ")));
});

Deno.test("no length penalty favours the empty text, whose end counts as a token", async () => {
  const texts = await Promise.all(
    [0.5, 1, 2].map((lengthPenalty) => search(straight, { lengthPenalty })),
  );
  for (const [best] of texts) assert(best!.tokens.length > 1, `${best!.tokens}`);
  // Without normalisation a short text is what is most probable.
  const [shortest] = await search(straight, { lengthPenalty: 0 });
  assert(shortest!.tokens.length <= texts[0]![0]!.tokens.length);
});

Deno.test("searchBeams() keeps to the limit, and puts what it cuts behind what has ended", async () => {
  const never: Language = (settled) =>
    straight(settled).map((score, id) => id === END && settled.length > 1 ? -40 : score);
  const best = await search(never, { limit: 4, width: 3 });
  assert(best.every(({ tokens }) => tokens.length <= 4));
  const ends = best.map(({ tokens }) => tokens.at(-1) === END);
  assertEquals(ends, ends.toSorted((a, b) => Number(b) - Number(a)));
  assert(ends.includes(true) && ends.includes(false), `${ends}`);
  const [whole] = await search(never, { forced: [3, 4, 5, 3], limit: 4 });
  assertEquals(whole!.tokens, [3, 4, 5, 3]);
});

const LINES = Array.from({ length: 10 }, (_, i) => `a ${["dog", "red sky", "man"][i % 3]} ${i}`);
const OPTIONS: GenerateOptions = {
  ...GENERATION_DEFAULTS,
  beam: 4,
  candidates: 4,
  select: "first",
  scores: true,
};

function generateWith(model: LoadedModel, options: Partial<GenerateOptions>, lines = LINES) {
  return generateBatch(model, lines, { ...OPTIONS, ...options });
}

Deno.test(
  "generate() searches alike in any batch, and scores what it finds as scorePairs() does",
  withShiftedModel(async (model) => {
    const options = { lengthPenalty: 0.8, prefix: "the " };
    const results = await generateWith(model, options);
    for (const batchSize of [1, 3]) {
      assertEquals(await generateWith(model, { ...options, batchSize }), results);
    }
    const all = results.flatMap(({ source, candidates }) =>
      candidates.map((candidate) => ({ source, ...candidate }))
    );
    assertEquals(all.length, 4 * LINES.length);
    const pairs = all.map(({ source, text }) => ({ source, target: text }));
    const scores = await Array.fromAsync(scorePairs(model, pairs, {}));
    for (const [i, { logProbability }] of scores.entries()) {
      assertAlmostEquals(logProbability, all[i]!.logProbability!, 1e-5);
    }
    for (const { candidates } of results) {
      assert(new Set(candidates.map(({ text }) => text)).size > 1);
    }
  }),
);

Deno.test(
  "generate() refuses what does not go with beams, and says why",
  withShiftedModel(async (model) => {
    for (
      const [options, reason] of [
        [{ candidates: 5 }, "a search has as many texts as beams"],
        [{ draft: 2 }, "one slot a call"],
        [{ steps: 5 }, "--max-length is its limit"],
      ] as const
    ) await assertRejects(() => generateWith(model, options), UserError, reason);
  }),
);

Deno.test(
  "generate() refuses beams where slots settle together",
  withTinyModel(async (model) => {
    await assertRejects(
      () => generateWith(model, {}),
      UserError,
      "Cannot use --beam with this model",
    );
  }),
);
