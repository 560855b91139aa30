/** What lines ask of their texts, with a small model of the paper's process. */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { alphaBarAt } from "../../src/diffusion/noise_schedule.ts";
import { processOf } from "../../src/diffusion/process.ts";
import { UserError } from "../../src/errors.ts";
import { clampedLine } from "../../src/generation/clamp.ts";
import { ClampedRows } from "../../src/generation/clamped_rows.ts";
import {
  generateBatch,
  type GenerateOptions,
  GENERATION_DEFAULTS,
  type GenerationInput,
} from "../../src/generation/generate.ts";
import type { LoadedModel } from "../../src/generation/loaded_model.ts";
import { stepOf } from "../../src/generation/sample.ts";
import { encodeSource, padSources, type Source } from "../../src/generation/source.ts";
import { parseTemplate } from "../../src/text/holes.ts";
import { withTinyModel } from "./tiny_model.ts";

const LINES = Array.from({ length: 7 }, (_, i) => `a ${["dog", "red sky", "man"][i % 3]} ${i}`);
const OPTIONS: GenerateOptions = {
  ...GENERATION_DEFAULTS,
  candidates: 2,
  steps: 5,
  gapWidth: 2,
  select: "first",
};

async function candidatesOf(
  model: LoadedModel,
  options: Partial<GenerateOptions>,
  lines: readonly GenerationInput[] = LINES,
) {
  const results = await generateBatch(model, lines, { ...OPTIONS, ...options });
  return results.map(({ candidates }) => candidates.map(({ text }) => text));
}

/** A batch of one row at its start. */
function startOf({ denoiser, config: { text, diffusion } }: LoadedModel, source: Source) {
  return denoiser.start(padSources([source], text.pad_id), {
    candidates: 1,
    firstCandidate: 0,
    slots: source.slots,
    seed: 3n,
    noiseScale: diffusion.noise_factor,
    portable: false,
  });
}

/** Whether a text is a template with something in its gaps. */
function fits(text: string, template: string): boolean {
  const { texts } = parseTemplate(template)!;
  return new RegExp(`^${texts.map((text) => RegExp.escape(text)).join("(.*)")}$`, "u").test(text);
}

const ASKED: readonly GenerationInput[] = LINES.map((source, i) =>
  [
    source,
    { source, prefix: "the red" },
    { source, template: "the ___ dog." },
    { source, template: "a ___ man ___ sky" },
    { source, avoid: ["a", "the"] },
    { source, maxLength: 3 },
    { source, template: "___ red ___" },
  ][i % 7]!
);

Deno.test(
  "generate() keeps slots that see both sides to prefix and template, on a grid and adaptively",
  withTinyModel(async (model) => {
    for (const skip of ["grid", "adaptive"] as const) {
      for (const dropSettled of ["off", "auto"] as const) {
        const options = { skip, dropSettled };
        for (const text of (await candidatesOf(model, { ...options, prefix: "the man" })).flat()) {
          assert(text.startsWith("the man"), text);
        }
        for (
          const template of ["the ___ dog.", "___ sky", "a ___ man ___ red.", "the ___ sky ___"]
        ) {
          const texts = (await candidatesOf(model, { ...options, template })).flat();
          for (const text of texts) assert(fits(text, template), `${template}: ${text}`);
          assert(new Set(texts).size > 2, texts.join("|"));
        }
      }
    }
    const template = "the man ___";
    assertEquals(
      await candidatesOf(model, { template }),
      await candidatesOf(model, { prefix: "the man " }),
    );
  }),
);

Deno.test(
  "generate() clamps a line alone as in any batch, and leaves the lines beside it as they are",
  withTinyModel(async (model) => {
    for (const skip of ["grid", "adaptive"] as const) {
      const expected = await candidatesOf(model, { skip }, ASKED);
      for (const options of [{ batchSize: 1 }, { batchSize: 4, maxRows: 5 }, { maxRows: 2 }]) {
        assertEquals(await candidatesOf(model, { skip, ...options }, ASKED), expected);
      }
      for (const [i, line] of ASKED.entries()) {
        assertEquals((await candidatesOf(model, { skip }, [line]))[0], expected[i]);
      }
      const few = await candidatesOf(model, { skip, candidates: 1 }, ASKED);
      assertEquals(few, expected.map(([first]) => [first!]));
      const plain = await candidatesOf(model, { skip });
      for (const [i, line] of ASKED.entries()) {
        if (typeof line === "string") assertEquals(expected[i], plain[i]);
      }
    }
  }),
);

Deno.test(
  "generate() rounds to no word that is to be avoided, and keeps to lengths and repetitions",
  withTinyModel(async (model) => {
    const plain = (await candidatesOf(model, {})).flat();
    const avoid = [...new Set(plain.join(" ").match(/[a-z]+/g)!)];
    assert(avoid.length > 2);
    const words = (text: string) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u);
    for (const skip of ["grid", "adaptive"] as const) {
      for (const text of (await candidatesOf(model, { skip, avoid })).flat()) {
        assert(words(text).every((word) => !avoid.includes(word)), text);
      }
      const length = (text: string) => model.tokenizer.encode(text).length;
      for (const text of (await candidatesOf(model, { skip, maxLength: 2 })).flat()) {
        assert(length(text) <= 2 || /[^ -~]/.test(text), text);
      }
      const repeated = (await candidatesOf(model, { skip, noRepeatNgram: 1 })).flat();
      for (const text of repeated) {
        const parts = text.match(/[a-z]{2,}/g) ?? [];
        assert(parts.length - new Set(parts).size <= parts.length / 2, text);
      }
      assert(JSON.stringify(repeated) !== JSON.stringify(plain));
    }
  }),
);

Deno.test(
  "generate() traces what is known as known from the first call on",
  withTinyModel(async (model) => {
    const template = "the ___ dog.";
    const [result] = await generateBatch(model, ["a man"], { ...OPTIONS, template, trace: true });
    const { trace } = result!.candidates[0]!;
    const [the] = model.tokenizer.encode("the");
    for (let call = 0; call < trace!.calls; call++) {
      assertEquals(trace!.tokens[call * trace!.slots], the);
    }
    assertEquals(trace!.probabilities![0], 1);
  }),
);

Deno.test(
  "ClampedRows keeps a known slot where the forward process takes its token",
  withTinyModel(async (model) => {
    const { text, diffusion } = model.config;
    const process = processOf(diffusion);
    const source = encodeSource("a man walks", model.tokenizer, text);
    const { slots } = source;
    const known = new Int32Array(slots).fill(-1);
    const ids = [5, 9, 7];
    known.set(ids, 1);
    const table = model.denoiser.tokenTable;
    for (const sampler of ["ddim", "posterior", "dpm++2m"] as const) {
      for (const round of [true, false]) {
        const plan = model.plan(slots, { steps: 5, grid: "even", sampler, eta: 0 });
        const rows = new ClampedRows([{ known, rule: undefined }], slots, {
          table,
          special: [],
          endId: text.eos_id,
        });
        using batch = await startOf(model, source);
        const z = new Float32Array(slots * table.width);
        batch.read("z", z);
        const start = z.slice();
        for (let m = 0; m < plan.evaluations; m++) {
          const step = stepOf(plan, m);
          const nearest = new Int32Array(slots);
          await rows.step(batch, step, async () => {
            await batch.step({ ...step, round, ...(round && { nearest }) });
            return round ? nearest : await batch.tokens("x0");
          }, undefined);
          const before = z.slice();
          batch.read("z", z);
          if (m === plan.evaluations - 1) {
            // No noise is added on arrival, so that the whole move is known.
            for (const [i, id] of ids.entries()) {
              const [a, b, c, e] = step.coefficients.subarray(4 * (1 + i), 4 * (2 + i));
              assertEquals(c, 0);
              for (let at = (1 + i) * table.width, k = 0; k < table.width; at++, k++) {
                assertAlmostEquals(
                  z[at]!,
                  a! * before[at]! + (b! + e!) * table.embedding(id)[k]!,
                  1e-4,
                );
              }
            }
          }
          if (sampler !== "ddim") continue;
          for (const [i, id] of ids.entries()) {
            const [from, to] = [plan.from[1 + i]!, plan.to[m * slots + 1 + i]!]
              .map((timestep) => alphaBarAt(process.schedule, timestep)) as [number, number];
            for (let c = 0; c < table.width; c++) {
              const at = (1 + i) * table.width + c;
              const e = table.embedding(id)[c]!;
              const noise = (start[at]! - Math.sqrt(from) * e) / Math.sqrt(1 - from);
              assertAlmostEquals(z[at]!, Math.sqrt(to) * e + Math.sqrt(1 - to) * noise, 1e-3);
            }
          }
        }
      }
    }
  }),
);

for (const embedding_layer_norm of [false, true]) {
  Deno.test(
    `Denoiser.tokenTable scores as the network does, ${
      embedding_layer_norm ? "with" : "without"
    } LayerNorm`,
    withTinyModel(
      async (model) => {
        const { text, network } = model.config;
        const source = encodeSource("a man walks", model.tokenizer, text);
        const { slots } = source;
        const table = model.denoiser.tokenTable;
        using batch = await startOf(model, source);
        const step = stepOf(
          model.plan(slots, { steps: 3, grid: "even", sampler: "ddim", eta: 0 }),
          0,
        );
        await batch.step({ ...step, round: false, predictOnly: true });
        const x0 = new Float32Array(slots * table.width);
        const logits = new Float32Array(slots * network.vocabulary_size);
        batch.read("x0", x0);
        batch.read("logits", logits);
        const nearest = new Int32Array(slots);
        await batch.step({ ...step, round: true, roundAll: true, nearest, predictOnly: true });
        for (let slot = 0; slot < slots; slot++) {
          const own = x0.subarray(slot * table.width, (slot + 1) * table.width);
          for (const [id, value] of table.logits(own).entries()) {
            assertAlmostEquals(value, logits[slot * network.vocabulary_size + id]!, 1e-3);
          }
          const nearness = table.nearness(own);
          assertEquals(nearness.indexOf(nearness.reduce((a, b) => Math.max(a, b))), nearest[slot]);
        }
      },
      {},
      {},
      { embedding_layer_norm },
    ),
  );
}

Deno.test(
  "generate() refuses what slots that settle together cannot keep to, and says why",
  withTinyModel(async (model) => {
    const refused = (options: Partial<GenerateOptions>, reason: string) =>
      assertRejects(() => candidatesOf(model, options), UserError, reason);
    await refused({ words: ["dog"] }, "its slots settle together");
    await refused({ beam: 3, candidates: 1 }, "its slots settle together");
    await refused({ avoid: ["dog"], rounding: false }, "where predictions are rounded");
    await refused({ minLength: 3, rounding: false }, "a least length without rounding");
    await refused({ template: "a ___ ___ b" }, "where one follows another");
    const lines = [{ source: "a dog", words: ["dog"] }];
    await assertRejects(() => candidatesOf(model, {}, lines), UserError, "words that are to stand");
    for (const text of (await candidatesOf(model, { prefix: "the", rounding: false })).flat()) {
      assert(text.startsWith("the"), text);
    }
  }),
);

Deno.test(
  "clampedLine() tries every width of gaps, or as many as a line has rows for",
  withTinyModel((model) => {
    const source = encodeSource("a man walks", model.tokenizer, model.config.text);
    const widths = (text: string, gapWidth: number) => {
      const template = parseTemplate(text)!;
      const { clamped: { variants } } = clampedLine(
        model,
        source,
        { source: "" },
        { ...OPTIONS, gapWidth },
        template,
      );
      return variants.map(({ gaps }) => gaps.map(([first, end]) => end - first).join());
    };
    assertEquals(widths("a ___ man", 3), ["1", "2", "3"]);
    assertEquals(widths("a ___ man ___ .", 2), ["1,1", "1,2", "2,1", "2,2"]);
    assertEquals(widths("___ a ___ a ___ a ___", 9).length, 64);
    assertEquals(widths("___ a ___ a ___ a ___ a ___ a ___ a ___ a", 9), ["1,1,1,1,1,1,1"]);
    return Promise.resolve();
  }),
);

Deno.test(
  "generate() leaves gaps empty that there are no slots for, and says that it cut",
  withTinyModel(async (model) => {
    const long = Array(30).fill("dog").join(" ");
    const [result] = await generateBatch(
      model,
      [{ source: "a", template: `a ___ ${long} ___ !` }],
      OPTIONS,
    );
    assert(result!.truncated);
    assert(result!.text.startsWith("a ") && result!.text.endsWith(`${long}  !`), result!.text);
  }),
);
