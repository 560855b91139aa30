import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import {
  generate,
  generateBatch,
  type GenerateOptions,
  GENERATION_DEFAULTS,
  type GenerationResult,
} from "../../src/generation/generate.ts";
import type { LoadedModel } from "../../src/generation/loaded_model.ts";
import { Random } from "../denoiser/random.ts";
import { Channel } from "./channel.ts";
import { withTinyModel } from "./tiny_model.ts";

const OPTIONS: GenerateOptions = {
  ...GENERATION_DEFAULTS,
  steps: 8,
  maxWait: 0,
  select: "first",
};

/** Lines of some words each, some of them blank, one over the source limit. */
const LINES = (() => {
  const random = new Random(3);
  const words = ["a", "man", "woman", "dog", "walks", "red", "in", "the", "street", "sky"];
  const line = (length: number) => Array.from({ length }, () => random.pick(words)).join(" ");
  return [...Array.from({ length: 40 }, (_, i) => line(i % 9)), line(60), " \t "];
})();

async function textsOf(
  model: LoadedModel,
  options: Partial<GenerateOptions>,
  lines: readonly string[] = LINES,
): Promise<string[][]> {
  const results = await generateBatch(model, lines, { ...OPTIONS, ...options });
  return results.map(({ candidates }) => candidates.map(({ text }) => text));
}

/** The share of results that differ. */
function different(left: readonly unknown[], right: readonly unknown[]): number {
  assertEquals(left.length, right.length);
  const differ = left.filter((value, i) => JSON.stringify(value) !== JSON.stringify(right[i]));
  return differ.length / left.length;
}

Deno.test(
  "generate() gives the same for a line in any batch",
  withTinyModel(async (model) => {
    const options = { candidates: 3, select: "mbr", dropSettled: 1, scores: true } as const;
    const expected = await generateBatch(model, LINES, { ...OPTIONS, ...options, batchSize: 1 });
    for (
      const [batchSize, window, maxRows] of [[7, 7, 1024], [7, 20, 5], [64, 1000, 1024]] as const
    ) {
      const results = await generateBatch(model, LINES, {
        ...OPTIONS,
        ...options,
        batchSize,
        window,
        maxRows,
      });
      assertEquals(results, expected);
    }
    const reversed = await generateBatch(model, LINES.toReversed(), { ...OPTIONS, ...options });
    assertEquals(reversed.toReversed(), expected);
  }),
);

Deno.test(
  "generate() gives the same candidate whatever their number",
  withTinyModel(async (model) => {
    const lines = LINES.slice(0, 12);
    const few = await textsOf(model, { candidates: 5 }, lines);
    const many = await textsOf(model, { candidates: 50, maxRows: 64 }, lines);
    assertEquals(few.map((texts) => texts[3]), many.map((texts) => texts[3]));
    assert(different(many.map((texts) => texts[3]), many.map((texts) => texts[4])) > 0.5);
  }),
);

Deno.test(
  "generate() gives other texts for other seeds",
  withTinyModel(async (model) => {
    const texts = await textsOf(model, {});
    assert(different(texts, await textsOf(model, { seed: 1n })) > 0.5);
    assert(different(texts, await textsOf(model, { seed: 1n << 63n })) > 0.5);
  }),
);

Deno.test(
  "generate() gives the same texts whether scores and traces are wanted or not",
  withTinyModel(async (model) => {
    for (const sampler of ["posterior", "dpm++2m"] as const) {
      const options = { sampler, grid: "movement", dropSettled: 1, candidates: 2 } as const;
      const texts = await textsOf(model, options);
      assertEquals(await textsOf(model, { ...options, scores: true }), texts);
      assertEquals(await textsOf(model, { ...options, trace: true }), texts);
    }
  }),
);

Deno.test(
  "generate() gives one result a line: an empty one for a blank, a cut one for a long line",
  withTinyModel(async (model) => {
    const results = await generateBatch(model, LINES, { ...OPTIONS, candidates: 2, scores: true });
    assertEquals(results.map(({ source }) => source), LINES);
    for (const { source, text, calls, candidates } of results) {
      const blank = source.trim() === "";
      assertEquals(candidates.length, 2);
      assertEquals(calls, blank ? 0 : OPTIONS.steps);
      if (blank) assertEquals([text, candidates[0]], ["", { text: "", calls: 0 }]);
      else {assert(candidates.every(({ utility, logProbability }) =>
          utility! >= 0 && logProbability! <= 0
        ));}
    }
    const truncated = results.flatMap((result, i) => result.truncated ? [i] : []);
    assertEquals(truncated, [40]);
  }),
);

Deno.test(
  "generate() leaves out slots that have not started, and calls that would change nothing",
  withTinyModel(
    async (model) => {
      let calls = 0;
      const present = new Set<number>();
      const start = model.denoiser.start.bind(model.denoiser);
      model.denoiser.start = async (...request) => {
        const batch = await start(...request);
        const step = batch.step.bind(batch), setPresent = batch.setPresent.bind(batch);
        batch.step = (request) => (calls++, step(request));
        batch.setPresent = (slots) => (present.add(slots), setPresent(slots));
        return batch;
      };
      const options = { steps: 24, grid: "left", dropSettled: 1, batchSize: 1 } as const;
      const traced = await generateBatch(model, LINES, { ...OPTIONS, ...options, trace: true });
      const all = calls;
      calls = 0;
      const texts = await generateBatch(model, LINES, { ...OPTIONS, ...options });
      assertEquals(texts.map(({ text }) => text), traced.map(({ text }) => text));
      assert(calls < 0.9 * all, `${calls} of ${all} calls`);
      assert(present.size > 10 && Math.min(...present) <= 2, `${[...present]}`);
      for (const { trace } of traced.flatMap(({ candidates }) => candidates)) {
        assert(trace === undefined || trace.tokens[trace.slots - 1] === -1);
      }
    },
    {},
    { anchor_distance: 2, noise_factor: 4 },
  ),
);

Deno.test(
  "generate() drops slots right of a settled end",
  withTinyModel(async (model) => {
    const options = { ...OPTIONS, candidates: 4, dropSettled: 1, trace: true };
    const results = await generateBatch(model, LINES, options);
    let dropped = 0;
    for (const { trace } of results.flatMap(({ candidates }) => candidates)) {
      if (trace === undefined) continue;
      for (let call = 0; call < trace.calls; call++) {
        const tokens = trace.tokens.subarray(call * trace.slots, (call + 1) * trace.slots);
        const first = tokens.indexOf(-1);
        if (first < 0) continue;
        dropped++;
        assert(tokens.subarray(first).every((token) => token === -1));
        const before = trace.tokens.subarray((call - 1) * trace.slots, call * trace.slots);
        if (before[first] !== -1) assertEquals(before[first - 1], model.config.text.eos_id);
      }
    }
    assert(dropped > 20, `only ${dropped} calls had dropped slots`);
  }),
);

Deno.test(
  "generate() keeps every text where only slots right of a resting end are dropped",
  withTinyModel(async (model) => {
    const options = { grid: "movement", steps: 24, candidates: 4 } as const;
    const exact = { ...OPTIONS, ...options, dropSettled: 0, trace: true };
    const results = await generateBatch(model, LINES, exact);
    const traces = results.flatMap(({ candidates }) =>
      candidates.flatMap(({ trace }) => trace ?? [])
    );
    assert(traces.some(({ tokens }) => tokens.includes(-1)), "nothing was dropped");
    const texts = results.map(({ candidates }) => candidates.map(({ text }) => text));
    assertEquals(texts, await textsOf(model, { ...options, dropSettled: "off" }));
  }),
);

Deno.test(
  "generate() drops nothing by itself where the model was trained with fixed length",
  withTinyModel(async (model) => {
    const texts = await textsOf(model, { steps: 20 });
    assertEquals(texts, await textsOf(model, { steps: 20, dropSettled: "off" }));
    assertNotEquals(texts, await textsOf(model, { steps: 20, dropSettled: 1 }));
  }, { length: "fixed", slots_by_source: null }),
);

Deno.test(
  "generate() follows predictions that are not rounded",
  withTinyModel(async (model) => {
    const results = await generateBatch(model, LINES.slice(0, 9), {
      ...OPTIONS,
      rounding: false,
      dropSettled: "off",
      trace: true,
    });
    for (const { trace } of results.flatMap(({ candidates }) => candidates)) {
      assert(trace === undefined || trace.tokens.every((token) => token >= 0));
    }
  }),
);

Deno.test(
  "generate() gives results while lines still come",
  withTinyModel(async (model) => {
    const lines = new Channel<string>();
    const results = generate(model, lines, { ...OPTIONS, maxWait: 1 });
    const expected = await textsOf(model, {}, ["a dog", "", "a red dog"]);
    const next = async () => [((await results.next()).value as GenerationResult).text];
    lines.push("a dog", "");
    assertEquals([await next(), await next()], expected.slice(0, 2));
    lines.push("a red dog");
    assertEquals(await next(), expected[2]);
    lines.end();
    assertEquals((await results.next()).done, true);
  }),
);

Deno.test(
  "generate() stops between network calls and gives what is finished",
  withTinyModel(async (model) => {
    const lines = new Channel<string>();
    const controller = new AbortController();
    const options = { ...OPTIONS, batchSize: 1, maxWait: 1 };
    const results = generate(model, lines, options, controller.signal);
    lines.push("a dog");
    assertEquals((await results.next()).done, false);
    lines.push("a red dog", "a dog in the street");
    controller.abort(new Error("enough"));
    await assertRejects(() => results.next(), Error, "enough");
  }),
);
