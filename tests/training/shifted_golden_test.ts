import { assertAlmostEquals } from "@std/assert";
import { networkFields } from "../../src/denoiser/network_fields.ts";
import { NativeModel } from "../../src/native/model.ts";
import { flatLayout } from "../../src/native/trainer.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";
import {
  assertNear,
  RECORDED,
  RECORDED_NETWORK,
  recordedGradient,
  recordedSources,
  recordedWeight,
  ROWS,
} from "../native/recorded_network.ts";
import { BATCH_OPTIONS, sampleTrainer } from "./sample_trainer.ts";

const STEPS = 20;
const CONFIG = {
  ...SAMPLE_CONFIG,
  network: RECORDED_NETWORK,
  diffusion: { ...SAMPLE_CONFIG.diffusion, steps: STEPS, anchor_distance: 1 },
};

for (const portable of [false, true]) {
  const trainer = portable ? "libtorch's trainer" : "the CPU trainer";

  Deno.test(`${trainer} has the loss and gradients of plain PyTorch in the shifted layout`, async () => {
    using model = new NativeModel(networkFields(RECORDED_NETWORK));
    model.tensors.forEach(({ name }, index) => model.write(index, recordedWeight(name)));
    using trainer = await sampleTrainer(model, CONFIG, portable);
    const weights = RECORDED.floats("weights");
    const waits = RECORDED.integers("waits"), slots = waits.length;
    const sources = recordedSources();
    const terms = await trainer.batch({
      rows: ROWS,
      length: sources.length,
      slots,
      ids: sources.ids,
      mask: sources.mask,
      targetIds: RECORDED.integers("target_ids"),
      leftIds: RECORDED.integers("left_ids"),
      attentionMask: Uint8Array.from(RECORDED.integers("attention_mask")),
      positions: RECORDED.integers("positions"),
      timesteps: Int32Array.from(
        { length: ROWS * slots },
        (_, i) => waits[i % slots] === 1 ? STEPS - 1 : 0,
      ),
      weights,
    }, {
      ...BATCH_OPTIONS,
      roundingLoss: "prediction",
      squaredError: 0,
      labelSmoothing: 0.1,
      normaliser: weights.reduce((sum, weight) => sum + weight, 0),
    });
    const loss = RECORDED.floats("loss")[0]!;
    assertAlmostEquals(terms.loss, loss, 1e-5 * loss);
    const gradients = trainer.read("gradients");
    const largest = gradients.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    for (const { name, start, length } of flatLayout(model)) {
      assertNear(gradients.subarray(start, start + length), recordedGradient(name), {
        least: 1e-2 * largest,
      }, name);
    }
  });
}
