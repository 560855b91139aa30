/**
 * Every training option that golden values leave out: the loss and the gradients of the CPU kernels
 * against those of the portable path's autograd, from the same random numbers.
 */
import { assert, assertAlmostEquals } from "@std/assert";
import type { ModelConfig, NetworkConfig } from "../../src/denoiser/config.ts";
import { PAPER_PROCESS } from "../../src/diffusion/process.ts";
import { flatLayout } from "../../src/native/trainer.ts";
import type { BatchOptions } from "../../src/native/trainer_options.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";
import {
  BATCH_OPTIONS,
  NETWORK,
  sampleBatch,
  sampleModel,
  sampleTrainer,
} from "./sample_trainer.ts";

const DIFFUSION: ModelConfig["diffusion"] = PAPER_PROCESS;

/** What a variant changes. */
interface Variant {
  readonly network?: Partial<NetworkConfig>;
  readonly diffusion?: Partial<ModelConfig["diffusion"]>;
  readonly options?: Partial<BatchOptions>;
  readonly paddingWeight?: number;
  readonly chainOnly?: boolean;
}

const SELF_CONDITIONED = { self_conditioning: true };
const ANCHOR_LOSS = { roundingLoss: "prediction" } as const;
const SHIFTED: Partial<NetworkConfig> = { shifted: true, time_conditioning: "none" };
const CHAINED: Partial<NetworkConfig> = { ...SHIFTED, token_chain: 15 };
const SHARED: Partial<NetworkConfig> = {
  shared_embeddings: true,
  embedding_size: NETWORK.hidden_size,
};
const ALL: Variant = {
  network: { ...SELF_CONDITIONED, embedding_layer_norm: true },
  diffusion: { noise_factor: 4, anchor_scale: 1 },
  options: {
    selfCondition: true,
    selfConditioningNoise: 0.3,
    roundingLoss: "prediction",
    labelSmoothing: 0.1,
    dropout: 0.2,
    attentionDropout: 0.1,
  },
  paddingWeight: 0.1,
};
const VARIANTS: Readonly<Record<string, Variant>> = {
  "the paper's": {},
  "dropout": { options: { dropout: 0.3 } },
  "attention dropout": { options: { attentionDropout: 0.3 } },
  "label smoothing": { options: { labelSmoothing: 0.2 } },
  "anchor loss": { options: { roundingLoss: "prediction" } },
  "anchor loss, label smoothing": {
    options: { roundingLoss: "prediction", labelSmoothing: 0.2 },
  },
  "embedding LayerNorm": { network: { embedding_layer_norm: true } },
  "noise factor": { diffusion: { noise_factor: 4 } },
  "sentence-level timesteps": { diffusion: { timesteps: "sentence" } },
  "moving anchor": { diffusion: { anchor_distance: 2 } },
  "shifted": { network: SHIFTED, options: ANCHOR_LOSS },
  "shifted, without squared error": {
    network: { ...SHIFTED, embedding_size: 20 },
    options: { ...ANCHOR_LOSS, squaredError: 0, labelSmoothing: 0.1 },
  },
  "shifted, chain": { network: CHAINED, options: ANCHOR_LOSS },
  "shifted, chain alone": { network: CHAINED, options: ANCHOR_LOSS, chainOnly: true },
  "shared embeddings": { network: SHARED },
  "shared embeddings, LayerNorm": { network: { ...SHARED, embedding_layer_norm: true } },
  "shared embeddings, shifted, chain": {
    network: { ...CHAINED, ...SHARED },
    options: ANCHOR_LOSS,
  },
  "padding weight": { paddingWeight: 0.1 },
  "self-conditioning": { network: SELF_CONDITIONED, options: { selfCondition: true } },
  "self-conditioning, left out": { network: SELF_CONDITIONED },
  "self-conditioning, perturbed": {
    network: SELF_CONDITIONED,
    options: { selfCondition: true, selfConditioningNoise: 0.5 },
  },
  "all": ALL,
  "all, moving anchor": { ...ALL, diffusion: { ...ALL.diffusion, anchor_distance: 3 } },
  "all, shifted": {
    ...ALL,
    network: { ...CHAINED, embedding_layer_norm: true },
    options: { ...ALL.options, selfCondition: false, squaredError: 0.5 },
  },
  "all, rotary": { ...ALL, network: { ...ALL.network, time_conditioning: "rotary" } },
  "all, additive": { ...ALL, network: { ...ALL.network, time_conditioning: "additive" } },
};

for (const [name, variant] of Object.entries(VARIANTS)) {
  Deno.test(`CPU kernels agree with autograd: ${name}`, async () => {
    const network = { ...NETWORK, ...variant.network };
    const diffusion = { ...DIFFUSION, ...variant.diffusion };
    using model = sampleModel(network);
    const batch = sampleBatch(5, diffusion, variant.paddingWeight ?? 1, network.shifted);
    const run = async (portable: boolean) => {
      using trainer = await sampleTrainer(
        model,
        { ...SAMPLE_CONFIG, network, diffusion },
        portable,
        variant.chainOnly,
      );
      const terms = await trainer.batch(batch, { ...BATCH_OPTIONS, ...variant.options });
      return { terms, gradients: trainer.read("gradients") };
    };
    const [ours, expected] = [await run(false), await run(true)];
    for (const term of ["loss", "mse", "nll", "prior"] as const) {
      const value = expected.terms[term];
      assertAlmostEquals(ours.terms[term], value, 1e-5 * Math.abs(value) + 1e-9, term);
    }
    const total = Math.hypot(...expected.gradients);
    for (const { name, start, length } of flatLayout(model)) {
      const part = (values: Float32Array) => values.subarray(start, start + length);
      const norm = Math.hypot(...part(expected.gradients));
      const theirs = part(expected.gradients);
      const gap = Math.hypot(...part(ours.gradients).map((value, i) => value - theirs[i]!));
      // Some gradients are zero in exact arithmetic, and only rounding differs.
      assert(gap <= 1e-4 * Math.max(norm, 1e-3 * total), `${name}: ${gap} of ${norm}`);
    }
  });
}
