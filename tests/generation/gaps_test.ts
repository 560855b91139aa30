/** Gaps that are filled, with a small model in the shifted layout. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { generateBatch, GENERATION_DEFAULTS } from "../../src/generation/generate.ts";
import { LoadedModel } from "../../src/generation/loaded_model.ts";
import type { Tokenizer } from "../../src/text/tokenizer.ts";
import { withShiftedModel, withTinyModel } from "./tiny_model.ts";

const OPTIONS = { ...GENERATION_DEFAULTS, candidates: 3 };

/** The same model, as if its tokenizer had learnt from pairs with holes. */
function withHoles(model: LoadedModel): LoadedModel {
  const { tokenizer } = model;
  const hole = tokenizer.encode("#")[0]!;
  const knowing: Tokenizer = {
    kind: tokenizer.kind,
    vocabSize: tokenizer.vocabSize,
    special: tokenizer.special,
    encode: (text) =>
      text.split(/ ?___/).flatMap((part, i) => [...i > 0 ? [hole] : [], ...tokenizer.encode(part)]),
    decode: (ids) => tokenizer.decode(ids),
    tokenText: (id) => tokenizer.tokenText(id),
    toJson: () => tokenizer.toJson(),
  };
  return new LoadedModel(model.config, knowing, model.denoiser);
}

Deno.test(
  "generate() fills a gap with what the model writes for source and template",
  withShiftedModel(async (loaded) => {
    const model = withHoles(loaded);
    const template = "the ___ sky.";
    const [result] = await generateBatch(model, [{ source: "a dog", template }], OPTIONS);
    const [asked] = await generateBatch(model, ["a dog ||| the ___ sky."], OPTIONS);
    assertEquals(result!.source, "a dog");
    assertEquals(
      result!.candidates.map(({ text }) => text),
      asked!.candidates.map(({ text }) => `the ${text} sky.`),
    );
    const [[whole], [other]] = [
      await generateBatch(model, ["a dog"], { ...OPTIONS, template }),
      await generateBatch(model, [{ source: "a dog", template: "the dog ___ !" }], {
        ...OPTIONS,
        template,
      }),
    ];
    assertEquals(whole, result);
    assert(other!.text.startsWith("the dog ") && other!.text.endsWith(" !"), other!.text);
  }),
);

Deno.test(
  "generate() takes a gap at the end for a prefix",
  withShiftedModel(async (model) => {
    const template = await generateBatch(model, ["a dog"], { ...OPTIONS, template: "the man ___" });
    assertEquals(
      template,
      await generateBatch(model, ["a dog"], { ...OPTIONS, prefix: "the man " }),
    );
  }),
);

Deno.test(
  "generate() refuses gaps where the model has not learnt to fill them, and says why",
  withShiftedModel(async (model) => {
    await assertRejects(
      () => generateBatch(model, ["a dog"], { ...OPTIONS, template: "a ___ dog" }),
      UserError,
      "it has not learnt from pairs with holes",
    );
  }),
);

Deno.test(
  "generate() refuses templates where slots settle together",
  withTinyModel(async (model) => {
    const lines = [{ source: "a dog", template: "a ___ dog" }];
    await assertRejects(
      () => generateBatch(model, lines, OPTIONS),
      UserError,
      "Cannot use a template",
    );
  }),
);
