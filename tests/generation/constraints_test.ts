/** What lines ask of their texts, with a small model in the shifted layout. */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import {
  generateBatch,
  type GenerateOptions,
  GENERATION_DEFAULTS,
  type GenerationInput,
} from "../../src/generation/generate.ts";
import type { LoadedModel } from "../../src/generation/loaded_model.ts";
import { scorePairs } from "../../src/generation/score_pairs.ts";
import { withShiftedModel } from "./tiny_model.ts";

const LINES = Array.from({ length: 12 }, (_, i) => `a ${["dog", "red sky", "man"][i % 3]} ${i}`);
const OPTIONS: GenerateOptions = { ...GENERATION_DEFAULTS, candidates: 4, select: "first" };

async function candidatesOf(
  model: LoadedModel,
  options: Partial<GenerateOptions>,
  lines: readonly GenerationInput[] = LINES,
) {
  const results = await generateBatch(model, lines, { ...OPTIONS, ...options });
  return results.map(({ candidates }) => candidates.map(({ text }) => text));
}

Deno.test(
  "generate() begins every candidate with the prefix, and the candidates differ behind it",
  withShiftedModel(async (model) => {
    const options = { prefix: "the man", temperature: 3, epsilon: 0 };
    let different = 0;
    for (const texts of await candidatesOf(model, options)) {
      assert(texts.every((text) => text.startsWith("the man")), texts.join("|"));
      if (new Set(texts).size > 1) different++;
    }
    assert(different >= LINES.length - 2, `only in ${different} lines`);
    const spaced = await candidatesOf(model, { ...options, prefix: "the man " });
    for (const text of spaced.flat()) assert(/^the man( |$)/.test(text), text);
  }),
);

Deno.test(
  "generate() writes what a prefix was cut from behind that prefix",
  withShiftedModel(async (model) => {
    for (const [i, [text]] of (await candidatesOf(model, { candidates: 1 })).entries()) {
      const ids = model.tokenizer.encode(text!);
      const prefix = model.tokenizer.decode(ids.slice(0, 2));
      if (model.tokenizer.encode(prefix).join() !== ids.slice(0, 2).join()) continue;
      const [[again]] = await candidatesOf(model, { candidates: 1, prefix }, [LINES[i]!]) as [
        [string],
      ];
      if (model.tokenizer.encode(again).join() === ids.join()) continue;
      assertEquals(again, text);
    }
  }),
);

Deno.test(
  "generate() takes no end token out of a prefix, and none before the prefix is through",
  withShiftedModel(async (model) => {
    const [[text]] = await candidatesOf(model, { prefix: "a</s> red </s>dog" }, ["a"]) as [
      [string],
    ];
    assert(text.startsWith("a red dog"), text);
    const long = Array(60).fill("dog").join(" ");
    const [result] = await generateBatch(model, ["a"], { ...OPTIONS, prefix: long });
    assertEquals(model.tokenizer.encode(result!.text).length, model.config.text.target_slots);
    assertEquals([result!.truncated, result!.calls], [true, 0]);
  }),
);

Deno.test(
  "generate() keeps to least and greatest lengths",
  withShiftedModel(async (model) => {
    const lengths = async (options: Partial<GenerateOptions>) => {
      const results = await generateBatch(model, LINES, { ...OPTIONS, ...options, trace: true });
      return results.flatMap(({ candidates }) =>
        candidates.map(({ trace }) => {
          const tokens = [...trace!.tokens.subarray(-trace!.slots)].filter((id) => id >= 0);
          return tokens.filter((id) => id !== model.config.text.eos_id).length;
        })
      );
    };
    const free = await lengths({});
    assert(Math.min(...free) < 6 && Math.max(...free) > 9, `${free}`);
    assert(Math.min(...await lengths({ minLength: 9 })) >= 9);
    assert(Math.max(...await lengths({ maxLength: 6 })) <= 6);
    assertEquals(new Set(await lengths({ minLength: 7, maxLength: 7 })), new Set([7]));
  }),
);

Deno.test(
  "generate() repeats no n tokens, and writes no word that is to be avoided",
  withShiftedModel(async (model) => {
    const free = (await candidatesOf(model, { minLength: 16 })).flat();
    const words = new Map<string, number>();
    for (const word of free.flatMap((text) => text.toLowerCase().match(/\p{L}{2,}/gu) ?? [])) {
      words.set(word, (words.get(word) ?? 0) + 1);
    }
    const avoid = [...words].sort((a, b) => b[1] - a[1]).slice(0, 5).map(([word]) => word);
    for (const draft of [0, 3]) {
      const texts = (await candidatesOf(model, { minLength: 16, avoid, draft })).flat();
      for (const text of texts) {
        const found = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
        assertEquals(found.filter((word) => avoid.includes(word)), [], text);
      }
    }
    const results = await generateBatch(model, LINES, {
      ...OPTIONS,
      minLength: 16,
      noRepeatNgram: 2,
      trace: true,
    });
    for (const { trace } of results.flatMap(({ candidates }) => candidates)) {
      const tokens = [...trace!.tokens.subarray(-trace!.slots)].filter((id) => id >= 0);
      const pairs = tokens.slice(1).map((id, i) => `${tokens[i]} ${id}`);
      assertEquals(new Set(pairs).size, pairs.length);
    }
  }),
);

Deno.test(
  "generate() keeps to constraints with drafts as without, in any batch, and where calls are limited",
  withShiftedModel(async (model) => {
    const asked = LINES.map((source, i): GenerationInput =>
      [
        source,
        { source, prefix: "the" },
        { source, avoid: ["dog", "a"], minLength: 5 },
        { source, prefix: "the red ", maxLength: 9 },
      ][i % 4]!
    );
    const options = { noRepeatNgram: 3, minLength: 3 };
    const expected = await candidatesOf(model, options, asked);
    for (const draft of [1, 4]) {
      for (const batchSize of [1, 32]) {
        assertEquals(await candidatesOf(model, { ...options, draft, batchSize }, asked), expected);
      }
    }
    for (const [i, input] of asked.entries()) {
      assertEquals((await candidatesOf(model, options, [input]))[0], expected[i]);
    }
    const capped = await candidatesOf(model, { steps: 2, minLength: 5, avoid: ["the", "dog"] });
    for (const text of capped.flat()) assert(!/\b(the|dog)\b/i.test(text), text);
  }),
);

Deno.test(
  "generate() scores constrained texts as scorePairs() does",
  withShiftedModel(async (model) => {
    const results = await generateBatch(model, LINES, {
      ...OPTIONS,
      scores: true,
      prefix: "the red ",
      avoid: ["dog"],
      maxLength: 8,
    });
    const all = results.flatMap(({ source, candidates }) =>
      candidates.map((candidate) => ({ source, ...candidate }))
    );
    const pairs = all.map(({ source, text }) => ({ source, target: text }));
    const scores = await Array.fromAsync(scorePairs(model, pairs, {}));
    for (const [i, { logProbability }] of scores.entries()) {
      assertAlmostEquals(logProbability, all[i]!.logProbability!, 1e-5);
    }
  }),
);

Deno.test(
  "generate() refuses lengths that contradict each other",
  withShiftedModel(async (model) => {
    await assertRejects(
      () => candidatesOf(model, { minLength: 9, maxLength: 5 }),
      UserError,
      "Cannot use --min-length 9 with --max-length 5",
    );
  }),
);
