/** Checks `denoiser.safetensors`: encoder output, one prediction and its logits. */
import type { Denoiser } from "../denoiser/denoiser.ts";
import { GoldenFile, type GoldenFolder, goldenSources } from "./folder.ts";
import type { ErrorMeasure, Finding } from "./report.ts";

/** Values per slot in one row of a plan that leaves z alone. */
const NO_UPDATE = [1, 0, 0, 0];

/** One prediction from recorded latents and per-row timesteps. */
export async function checkNetwork(
  folder: GoldenFolder,
  denoiser: Denoiser,
  file: GoldenFile,
  { measure, tolerance, portable }: {
    readonly measure: ErrorMeasure;
    readonly tolerance: number;
    readonly portable: boolean;
  },
): Promise<Finding[]> {
  const sources = goldenSources(file);
  const [rows = 0, slots = 0, width = 0] = file.shape("z");
  using batch = await denoiser.start(sources, {
    candidates: 1,
    firstCandidate: 0,
    slots,
    seed: 0n,
    noiseScale: 0,
    portable,
  });
  batch.write("z", file.floats("z"));
  if (file.has("self_cond")) batch.write("x0", file.floats("self_cond"));
  const scaled = file.floats("scaled_timestep");
  const count = rows * slots;
  await batch.step({
    index: 0,
    rows,
    // One timestep a sentence holds for all its slots.
    timesteps: Float32Array.from(
      { length: count },
      (_, i) => scaled[scaled.length === rows ? Math.floor(i / slots) : i]!,
    ),
    inputScale: new Float32Array(count).fill(1),
    coefficients: Float32Array.from({ length: 4 * count }, (_, i) => NO_UPDATE[i % 4]!),
    atRest: new Uint8Array(count),
    round: false,
    predictOnly: true,
  });
  const encoder = new Float32Array(
    sources.sources * sources.length * folder.config.network.hidden_size,
  );
  batch.read("encoder", encoder);
  const x0 = new Float32Array(count * width);
  batch.read("x0", x0);
  const logits = new Float32Array(count * folder.config.network.vocabulary_size);
  batch.read("logits", logits);
  const compare = (
    what: string,
    actual: Float32Array,
    name: string,
    counts?: (index: number) => boolean,
  ): Finding => ({
    file: file.name,
    what,
    error: measure(actual, file.floats(name), counts),
    tolerance,
  });
  // Padding positions of the source are never attended to, and not computed here.
  const hidden = folder.config.network.hidden_size;
  return [
    compare(
      "encoder output (unmasked positions)",
      encoder,
      "encoder_output",
      (i) => sources.mask[Math.floor(i / hidden)] !== 0,
    ),
    compare("x0_hat", x0, "x0_hat"),
    compare("logits", logits, "logits"),
  ];
}
