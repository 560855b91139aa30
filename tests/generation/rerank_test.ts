/** Reranking with a model from targets to sources. */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { generateBatch, GENERATION_DEFAULTS } from "../../src/generation/generate.ts";
import { LoadedModel } from "../../src/generation/loaded_model.ts";
import { scorePairs } from "../../src/generation/score_pairs.ts";
import { withFolder } from "../denoiser/test_files.ts";
import {
  withShiftedModel,
  withTinyModel,
  writeShiftedModel,
  writeTinyModel,
} from "./tiny_model.ts";

const LINES = [
  "a dog",
  "",
  "a red sky in the street",
  "the man",
  "dogs",
  "red",
  "the street",
  "sky",
];
const OPTIONS = { ...GENERATION_DEFAULTS, candidates: 5, temperature: 2, epsilon: 0 } as const;

Deno.test(
  "generate() reranks by what a reverse model says of the source",
  withShiftedModel((model) =>
    withFolder(async (folder) => {
      writeShiftedModel(`${folder}/reverse`, 8);
      const rerankModel = `${folder}/reverse`;
      const options = {
        ...OPTIONS,
        select: "rerank",
        rerankModel,
        forwardWeight: 0.1,
        reverseWeight: 1,
      } as const;
      const results = await generateBatch(model, LINES, options);
      using reverse = await LoadedModel.load(`${folder}/reverse`, model.loadOptions);
      let moved = 0;
      for (const { source, candidates, chosen } of results.filter(({ source }) => source !== "")) {
        const pairs = candidates.map(({ text }) => ({ source: text, target: source }));
        const scores = await Array.fromAsync(scorePairs(reverse, pairs, {}));
        const sums = candidates.map(({ logProbability, reverseLogProbability }, i) => {
          assertAlmostEquals(reverseLogProbability!, scores[i]!.logProbability, 1e-5);
          return 0.1 * logProbability! + reverseLogProbability!;
        });
        assertEquals(chosen, sums.indexOf(Math.max(...sums)));
        const forward = candidates.map(({ logProbability }) => logProbability!);
        if (chosen !== forward.indexOf(Math.max(...forward))) moved++;
      }
      assert(moved > 0, "the reverse model changes no choice");
      for (const batchSize of [1, 2]) {
        assertEquals(await generateBatch(model, LINES, { ...options, batchSize }), results);
      }
    })()
  ),
);

Deno.test(
  "generate() refuses to rerank without a model that can, and says why",
  withShiftedModel((model) =>
    withFolder(async (folder) => {
      writeTinyModel(`${folder}/paper`);
      for (
        const [options, reason] of [
          [{ select: "rerank" }, "without a model from targets to sources"],
          [{ select: "first", rerankModel: "m" }, "add --select rerank"],
          [{ select: "rerank", rerankModel: `${folder}/paper` }, "settle over many network calls"],
        ] as const
      ) {
        const run = () => generateBatch(model, LINES, { ...OPTIONS, ...options });
        await assertRejects(run, UserError, reason);
      }
    })()
  ),
);

Deno.test(
  "generate() by default takes what a shifted model is surest of",
  withShiftedModel(async (model) => {
    const [automatic, sure] = await Promise.all([
      generateBatch(model, LINES, OPTIONS),
      generateBatch(model, LINES, { ...OPTIONS, select: "confidence" }),
    ]);
    assertEquals(automatic, sure);
  }),
);

Deno.test(
  "generate() by default takes what is like the others where slots settle together",
  withTinyModel(async (model) => {
    const options = { ...GENERATION_DEFAULTS, candidates: 3, steps: 3 };
    const automatic = await generateBatch(model, LINES, options);
    assertEquals(automatic, await generateBatch(model, LINES, { ...options, select: "mbr" }));
  }),
);
