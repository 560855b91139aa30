/** The trainer's update against PyTorch's AdamW, clipping and average: scripts/oracles/adamw.py. */
import { assert, assertAlmostEquals } from "@std/assert";
import { networkFields } from "../../src/denoiser/network_fields.ts";
import { NativeModel } from "../../src/native/model.ts";
import { NativeTrainer } from "../../src/native/trainer.ts";
import type { UpdateOptions } from "../../src/native/trainer_options.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";

const STATES = ["weights", "firstMoment", "secondMoment", "average"] as const;

type Case =
  & { readonly [State in typeof STATES[number]]: readonly number[] }
  & {
    readonly options: Omit<UpdateOptions, "update" | "learningRate">;
    readonly gradientNorms: readonly number[];
  };

const { cases }: { cases: readonly Case[] } = JSON.parse(
  Deno.readTextFileSync(new URL("../data/training/adamw.json", import.meta.url)),
);

const weight = (i: number) => (i * 29 % 127 - 63) / 32;
const gradient = (i: number, step: number) =>
  i % 8 === 5 ? 0 : ((i * 37 + step * 101) % 199 - 99) / 64 * 2 ** (-3 * (i % 7));

/** A trainer whose weights are zero. */
async function emptyTrainer(portable: boolean): Promise<NativeTrainer> {
  using model = new NativeModel(networkFields(SAMPLE_CONFIG.network));
  model.tensors.forEach(({ shape }, index) =>
    model.write(index, new Float32Array(shape.reduce((product, n) => product * n, 1)))
  );
  return await NativeTrainer.create(model, {
    device: { kind: "cpu", index: 0 },
    dtype: "f32",
    threads: 1,
    portable,
    embeddingNoise: 0,
    priorScale: 0,
    schedule: new Float32Array(8).fill(1),
  });
}

for (const portable of [false, true]) {
  for (const { options, gradientNorms, ...expected } of cases) {
    const { weightDecay, clipNorm } = options;
    Deno.test(
      `update() agrees with PyTorch's AdamW over 20 steps (weight decay ${weightDecay}, ` +
        `clipping at ${clipNorm}, ${portable ? "libtorch" : "CPU kernels"})`,
      async () => {
        using trainer = await emptyTrainer(portable);
        const count = expected.weights.length;
        const buffer = (value: (i: number) => number) =>
          new Float32Array(trainer.size).map((_, i) => i < count ? value(i) : 0);
        trainer.write("weights", buffer(weight));
        trainer.write("average", buffer(weight));
        for (let step = 1; step <= gradientNorms.length; step++) {
          trainer.write("gradients", buffer((i) => gradient(i, step)));
          const { gradientNorm, applied } = await trainer.update({
            ...options,
            update: step,
            learningRate: step / 1024,
          });
          assert(applied);
          assertAlmostEquals(gradientNorm, gradientNorms[step - 1]!, 1e-5);
        }
        for (const state of STATES) {
          const found = trainer.read(state);
          expected[state].forEach((value, i) => {
            const error = Math.abs(found[i]! - value);
            // Some float32 roundings of 20 steps.
            assert(error <= 4e-6 * Math.abs(value) + 1e-7 * Math.abs(weight(i)), `${state} ${i}`);
          });
          assert(found.subarray(count).every((value) => value === 0), `${state} beyond`);
        }
      },
    );
  }
}
