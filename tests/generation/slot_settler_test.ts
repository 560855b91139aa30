import { assert, assertEquals } from "@std/assert";
import { processOf } from "../../src/diffusion/process.ts";
import { sample } from "../../src/generation/sample.ts";
import { SlotSettler } from "../../src/generation/slot_settler.ts";
import { encodeSource } from "../../src/generation/source.ts";
import { GENERATION_DEFAULTS } from "../../src/generation/generate.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";
import { withTinyModel } from "./tiny_model.ts";

const END = 2;
const STEP = {
  index: 0,
  rows: 1,
  timesteps: Float32Array.of(500, 900, 1000),
  inputScale: Float32Array.of(0.5, 0.5, 0.5),
  coefficients: Float32Array.from({ length: 12 }, (_, i) => i / 12),
  atRest: new Uint8Array(3),
};
const process = processOf(SAMPLE_CONFIG.diffusion);

/** A batch of one row, told what each call predicts, all surely but where `doubts` says so. */
function follow(calls: number[][], doubts: number[] = []) {
  const settler = new SlotSettler(1, 3, END);
  const steps = calls.map((tokens, call) => {
    const step = settler.apply(STEP, process);
    const sure = Float32Array.from(tokens, () => doubts.includes(call) ? -1 : -0.01);
    settler.observe(Int32Array.from(tokens), sure, step.atRest);
    return step;
  });
  return { settler, steps };
}

Deno.test("SlotSettler lets a slot arrive after two calls that agree", () => {
  const { steps } = follow([[7, 8, 9], [7, 9, 9], [7, 9, 9], [7, 9, 9]]);
  const moved = (call: number, slot: number) => [
    steps[call]!.timesteps[slot],
    ...steps[call]!.coefficients.subarray(4 * slot, 4 * slot + 4),
  ];
  assertEquals(moved(1, 0)[0], 500);
  assertEquals(moved(2, 0), [500, 0, 1, 0, 0]);
  assertEquals(moved(3, 0), [0, 1, 0, 0, 0]);
  assertEquals(moved(2, 1)[0], 900);
  assertEquals(moved(3, 1), [900, 0, 1, 0, 0]);
  assertEquals([...steps[3]!.atRest], [1, 0, 1]);
});

Deno.test("SlotSettler asks for certainty", () => {
  const { settler } = follow([[7, 8, 9], [7, 8, 9], [7, 8, 9]], [1, 2]);
  assert(!settler.done);
  assertEquals([...settler.calls], [3]);
});

Deno.test("SlotSettler is done when all slots up to the end have arrived", () => {
  const { settler } = follow([[7, END, 4], [7, END, 5], [7, END, 6], [8, 8, 8]]);
  assert(settler.done);
  assertEquals([...settler.calls], [3]);
});

Deno.test(
  "sample() with adaptive calls makes at most as many calls as the grid has, and counts them",
  withTinyModel(async (model) => {
    const sources = ["a b c", "d e f"].map((line) =>
      encodeSource(line, model.tokenizer, model.config.text)
    );
    const alike = sources.filter(({ slots }) => slots === sources[0]!.slots);
    const options = { ...GENERATION_DEFAULTS, steps: 12, dropSettled: "off" } as const;
    const grid = await sample(model, alike.map((source) => ({ source, clamped: undefined })), {
      ...options,
      skip: "grid",
    });
    const adaptive = await sample(model, alike.map((source) => ({ source, clamped: undefined })), {
      ...options,
      skip: "adaptive",
    });
    for (const [i, [candidate]] of adaptive.candidates.entries()) {
      assertEquals(grid.candidates[i]![0]!.calls, 12);
      assert(candidate!.calls >= 1 && candidate!.calls <= 12);
    }
    const alone = await sample(model, [{ source: alike[0]!, clamped: undefined }], {
      ...options,
      skip: "adaptive",
    });
    assertEquals(alone.candidates[0], adaptive.candidates[0]);
  }),
);
