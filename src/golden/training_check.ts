/**
 * Checks `training.safetensors` with `gradients.safetensors`, and `training_selfcond.safetensors`:
 * every loss term and the gradient of every weight, from recorded noise (SPEC 3).
 */
import { networkFields } from "../denoiser/network_fields.ts";
import { processOf } from "../diffusion/process.ts";
import { NativeModel } from "../native/model.ts";
import { PLAIN_BATCH } from "../native/trainer_options.ts";
import { flatLayout, NativeTrainer, type TrainingBatch } from "../native/trainer.ts";
import { type GoldenFile, type GoldenFolder, goldenSources } from "./folder.ts";
import {
  type ErrorMeasure,
  type Finding,
  type GoldenOptions,
  relativeNormError,
} from "./report.ts";

/** Largest errors allowed. */
interface TrainingTolerances {
  readonly measure: ErrorMeasure;
  readonly loss: number;
  readonly gradient: number;
}

/**
 * A gradient that is zero in exact arithmetic (the bias of attention keys, say) is recorded as
 * rounding noise: errors are relative to no less than this share of the largest gradient.
 */
const NOISE_FLOOR = 1e-3;

/** Rows of the slot terms that the shim returns, under the names of the golden files. */
const TERMS = ["loss_per_token", "mse", "decoder_nll", "prior", "mse_pre", "t0_loss"] as const;

/** Runs the recorded training passes of a folder. */
export async function checkTraining(
  folder: GoldenFolder,
  options: GoldenOptions,
  tolerances: TrainingTolerances,
): Promise<Finding[]> {
  const training = folder.file("training.safetensors");
  if (training === undefined) return [];
  const findings: Finding[] = [];
  using model = new NativeModel(networkFields(folder.config.network));
  model.tensors.forEach(({ name }, index) => model.write(index, folder.weights.floats(name)));
  const gradients = folder.file("gradients.safetensors");
  findings.push(
    ...await checkPass(folder, model, options, tolerances, {
      file: training,
      inputs: training,
      gradients,
      gradientName: (name) => name,
      selfCondition: false,
    }),
  );
  const selfConditioned = folder.file("training_selfcond.safetensors");
  if (selfConditioned !== undefined) {
    findings.push(
      ...await checkPass(folder, model, options, tolerances, {
        file: selfConditioned,
        inputs: training,
        gradients: selfConditioned,
        gradientName: (name) => `grad.${name}`,
        selfCondition: true,
      }),
    );
  }
  return findings;
}

interface Pass {
  /** Noise and expected losses. */
  readonly file: GoldenFile;
  /** Ids, masks and timesteps. */
  readonly inputs: GoldenFile;
  readonly gradients: GoldenFile | undefined;
  readonly gradientName: (name: string) => string;
  readonly selfCondition: boolean;
}

async function checkPass(
  folder: GoldenFolder,
  model: NativeModel,
  options: GoldenOptions,
  tolerances: TrainingTolerances,
  pass: Pass,
): Promise<Finding[]> {
  const batch = batchOf(pass);
  const count = batch.rows * batch.slots;
  using trainer = await startTrainer(folder, model, options);
  const slotTerms = new Float32Array(TERMS.length * count);
  const terms = await trainer.batch(batch, {
    ...PLAIN_BATCH,
    selfCondition: pass.selfCondition,
    normaliser: count,
  }, slotTerms);
  const file = pass.file.name;
  const findings: Finding[] = [{
    file,
    what: "mean loss",
    error: tolerances.measure([terms.loss], pass.file.floats("loss")),
    tolerance: tolerances.loss,
  }];
  TERMS.forEach((name, term) => {
    if (!pass.file.has(name)) return;
    const expected = pass.file.floats(name);
    const actual = slotTerms.subarray(term * count, (term + 1) * count);
    findings.push({
      file,
      what: `${name} of every slot`,
      // With one timestep a sentence, the mean over its slots is what was recorded.
      error: tolerances.measure(
        expected.length === count ? actual : rowMeans(actual, batch.slots),
        expected,
      ) * (name === "decoder_nll" ? shareOfNat(expected) : 1),
      tolerance: tolerances.loss,
    });
  });
  if (pass.gradients !== undefined) {
    findings.push(gradientFinding(model, trainer, pass, pass.gradients, tolerances.gradient));
  }
  return findings;
}

function batchOf({ file, inputs }: Pass): TrainingBatch {
  const { ids, mask, length } = goldenSources(inputs);
  const [rows = 0, slots = 0] = inputs.shape("tgt_input_ids");
  const timesteps = inputs.integers("token_timestep");
  return {
    rows,
    length,
    slots,
    ids,
    mask,
    targetIds: inputs.integers("tgt_input_ids"),
    timesteps: Int32Array.from(
      { length: rows * slots },
      (_, i) => timesteps[timesteps.length === rows ? Math.floor(i / slots) : i]!,
    ),
    embeddingNoise: file.floats("embedding_noise"),
    diffusionNoise: file.floats("diffusion_noise"),
  };
}

/** A trainer of a folder's network with the process it was recorded with. */
export function startTrainer(
  folder: GoldenFolder,
  model: NativeModel,
  options: GoldenOptions,
): Promise<NativeTrainer> {
  const tables = processOf(folder.config.diffusion).trainingTables();
  return NativeTrainer.create(model, { ...options, ...tables });
}

/**
 * A cross-entropy is a small difference of large logits, whose rounding does not shrink with it:
 * where it is below 1 nat, its error is relative to 1 nat. (Where all are zero, it already is.)
 */
export function shareOfNat(values: Float32Array): number {
  const largest = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return Math.min(1, largest || 1);
}

function rowMeans(values: Float32Array, slots: number): Float32Array {
  return Float32Array.from({ length: values.length / slots }, (_, row) => {
    let sum = 0;
    for (let n = 0; n < slots; n++) sum += values[row * slots + n]!;
    return sum / slots;
  });
}

/** The worst gradient of all weights, each relative to its norm. */
function gradientFinding(
  model: NativeModel,
  trainer: NativeTrainer,
  pass: Pass,
  recorded: GoldenFile,
  tolerance: number,
): Finding {
  const flat = trainer.read("gradients");
  const places = flatLayout(model);
  const norms = places.map(({ name }) => normOf(recorded.floats(pass.gradientName(name))));
  const floor = NOISE_FLOOR * (Math.max(...norms) || 1);
  let error = 0;
  let worst = "";
  places.forEach(({ name, start, length }, i) => {
    const expected = recorded.floats(pass.gradientName(name));
    const actual = flat.subarray(start, start + length);
    const relative = relativeNormError(actual, expected) * norms[i]! / Math.max(norms[i]!, floor);
    // A gradient recorded as exactly zero has no norm to be relative to.
    const own = norms[i] === 0 ? normOf(actual) / floor : relative;
    if (!(own <= error)) {
      error = own;
      worst = name;
    }
  });
  return {
    file: recorded.name,
    what: `gradients of ${places.length} weights, worst of ${worst}`,
    error,
    tolerance,
  };
}

function normOf(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}
