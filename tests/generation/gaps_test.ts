/** Gaps that are filled, with a small model in the shifted layout. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { generateBatch, GENERATION_DEFAULTS } from "../../src/generation/generate.ts";
import { LoadedModel } from "../../src/generation/loaded_model.ts";
import { parseTemplate } from "../../src/text/holes.ts";
import type { Tokenizer } from "../../src/text/tokenizer.ts";
import { withShiftedModel } from "./tiny_model.ts";

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
    decode: (ids) => tokenizer.decode(ids).replaceAll("#", " ___"),
    tokenText: (id) => tokenizer.tokenText(id),
    toJson: () => tokenizer.toJson(),
  };
  return new LoadedModel(model.config, knowing, model.denoiser);
}

Deno.test(
  "generate() fills a gap with what the model writes for source and template, behind what is left of it",
  withShiftedModel(async (loaded) => {
    const model = withHoles(loaded);
    const template = "the ___ sky.";
    const [result] = await generateBatch(model, [{ source: "a dog", template }], OPTIONS);
    const [asked] = await generateBatch(
      model,
      [{ source: "a dog ||| the ___ sky.", prefix: "the ___" }],
      // A gap has a token at least.
      { ...OPTIONS, minLength: model.tokenizer.encode("the ___").length + 1 },
    );
    assertEquals(result!.source, "a dog");
    assertEquals(
      result!.candidates.map(({ text }) => text),
      asked!.candidates.map(({ text }) => `the ${text.slice("the ___".length).trim()} sky.`),
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

const TEMPLATES = ["the ___ sky ___ !", "___ red ___ man, ___ dog.", "a ____ dog", "the man ___ ."];

Deno.test(
  "generate() fills several gaps, with drafts as without, alone as in any batch",
  withShiftedModel(async (loaded) => {
    const model = withHoles(loaded);
    const lines = Array.from({ length: 8 }, (_, i) => ({
      source: `a dog ${i}`,
      template: TEMPLATES[i % TEMPLATES.length]!,
    }));
    const expected = await generateBatch(model, lines, OPTIONS);
    for (const [i, { candidates, truncated }] of expected.entries()) {
      const { texts } = parseTemplate(lines[i]!.template)!;
      const pattern = new RegExp(`^${texts.map((text) => RegExp.escape(text)).join("(.+)")}$`, "u");
      for (const { text } of candidates) {
        const fills = pattern.exec(text)?.slice(1);
        assertEquals(fills?.length, texts.length - 1, text);
        for (const fill of fills!) assert(fill.trim() !== "" && !fill.includes("___"), text);
      }
      assertEquals(truncated, false);
    }
    for (
      const options of [{ draft: 4 }, { draft: 2, batchSize: 1 }, { batchSize: 3, maxRows: 4 }]
    ) {
      const again = await generateBatch(model, lines, { ...OPTIONS, ...options });
      assertEquals(again.map(({ text }) => text), expected.map(({ text }) => text));
    }
    for (const [i, line] of lines.entries()) {
      assertEquals((await generateBatch(model, [line], OPTIONS))[0]!.text, expected[i]!.text);
    }
    const few = await generateBatch(model, lines, { ...OPTIONS, steps: 3 });
    for (const [i, { text, calls }] of few.entries()) {
      assert(calls <= 3);
      assert(text.endsWith(parseTemplate(lines[i]!.template)!.texts.at(-1)!), text);
    }
  }),
);

Deno.test(
  "generate() keeps gaps to what is asked of the text, and asks for no word that stands around them",
  withShiftedModel(async (loaded) => {
    const model = withHoles(loaded);
    const template = "the ___ sky ___ !";
    const lines = Array.from({ length: 6 }, (_, i) => ({ source: `a man ${i}`, template }));
    const plain = await generateBatch(model, lines, OPTIONS);
    const words = plain.flatMap(({ text }) => text.match(/[a-z]+/g)!)
      .filter((word) => !["the", "sky"].includes(word));
    const avoid = [...new Set(words)];
    assert(avoid.length > 2);
    for (const { candidates } of await generateBatch(model, lines, { ...OPTIONS, avoid })) {
      for (const { text } of candidates) {
        for (const word of text.split(/[^\p{L}\p{N}]+/u)) {
          assert(!avoid.includes(word), `${word}: ${text}`);
        }
      }
    }
    const same = await generateBatch(model, lines, { ...OPTIONS, words: ["sky", "the"] });
    assertEquals(same, plain);
  }),
);

Deno.test(
  "generate() leaves gaps empty that the model has no slots for, and says that it cut",
  withShiftedModel(async (loaded) => {
    const model = withHoles(loaded);
    const long = Array(20).fill("dog").join(" ");
    const [result] = await generateBatch(
      model,
      [{ source: "a", template: `a ___ ${long} ___ !` }],
      OPTIONS,
    );
    assert(result!.truncated);
    assert(result!.text.endsWith(`${long}  !`), result!.text);
  }),
);

Deno.test(
  "generate() traces how gaps are filled",
  withShiftedModel(async (loaded) => {
    const model = withHoles(loaded);
    const [result] = await generateBatch(model, [{ source: "a dog", template: TEMPLATES[0]! }], {
      ...OPTIONS,
      candidates: 1,
      draft: 2,
      trace: true,
    });
    const { trace, calls } = result!.candidates[0]!;
    assertEquals(trace!.calls, calls);
    const last = [...trace!.tokens.subarray((calls - 1) * trace!.slots)].filter((id) => id >= 0);
    assert(model.tokenizer.decode(last).includes("___"));
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
  "generate() refuses what does not go with gaps in one sentence",
  withShiftedModel(async (loaded) => {
    const model = withHoles(loaded);
    const refused = (template: string, options: Partial<typeof OPTIONS>, reason: string) =>
      assertRejects(
        () => generateBatch(model, ["a dog"], { ...OPTIONS, ...options, template }),
        UserError,
        reason,
      );
    await refused("a ___ ___ dog", {}, "where one follows another");
    await refused(
      "a ___ dog ___ !",
      { beam: 3, candidates: 1 },
      "with --beam 3: a search fills one",
    );
    await refused("a ___ dog ___ !", { steps: 1 }, "in --steps 1");
  }),
);
