/** Plans against the sampling trajectories recorded in tests/golden/. */
import { assert, assertEquals } from "@std/assert";
import { samplingPlan } from "../../src/diffusion/plan.ts";
import { processOf } from "../../src/diffusion/process.ts";
import { parseReferenceConfig } from "../../src/denoiser/reference_config.ts";
import { readSafetensors } from "../../src/denoiser/safetensors.ts";
import { type StoredTensor, toFloat32, toInt32 } from "../../src/denoiser/tensors.ts";
import { readTextFile } from "../../src/host/files.ts";
import { golden } from "../denoiser/test_files.ts";

/** The plan of a golden folder's configuration. */
function planOf(folder: string) {
  const path = golden(`${folder}/config.json`);
  const { diffusion, target_slots, evaluations } = parseReferenceConfig(readTextFile(path), path);
  return samplingPlan(processOf(diffusion), {
    slots: target_slots,
    evaluations,
    grid: "even",
    sampler: "posterior",
    eta: 0,
  });
}

/** Timesteps [M, B, N] or, with one per sentence, [M, B], of the first sentence as [M, N]. */
function firstSentence({ shape, ...tensor }: StoredTensor, slots: number): number[] {
  const values = toInt32({ shape, ...tensor });
  const [steps, sentences, perSentence] = shape as [number, number, number?];
  const stride = sentences * (perSentence ?? 1);
  return Array.from({ length: steps * slots }, (_, at) => {
    const [step, slot] = [Math.floor(at / slots), at % slots];
    return values[step * stride + (perSentence === undefined ? 0 : slot)]!;
  });
}

const folders = [...Deno.readDirSync(golden(""))].filter((entry) => entry.isDirectory);

for (const { name } of folders) {
  for (const run of ["sampling_plain", "sampling_rounded"]) {
    Deno.test(`samplingPlan() reproduces ${run} of golden ${name}`, () => {
      const { tensors } = readSafetensors(golden(`${name}/${run}.safetensors`));
      const tensor = (key: string) => tensors.get(key)!;
      const plan = planOf(name);
      const { slots } = plan;
      assertEquals([...plan.from], firstSentence(tensor("from_timestep"), slots));
      assertEquals([...plan.to], firstSentence(tensor("to_timestep"), slots));

      const [steps, sentences, , width] = tensor("z").shape as [number, number, number, number];
      assertEquals(steps, plan.evaluations);
      const [z, x0, noise] = ["z", "pred_x0", "step_noise"].map((key) => toFloat32(tensor(key)));
      const sizePerStep = sentences * slots * width;
      const before = new Float32Array(z!.length);
      before.set(toFloat32(tensor("initial_noise")));
      before.set(z!.subarray(0, -sizePerStep), sizePerStep);
      const largest = z!.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      for (let at = 0; at < z!.length; at++) {
        const step = Math.floor(at / sizePerStep);
        const slot = Math.floor(at / width) % slots;
        const c = plan.coefficients.subarray(4 * (step * slots + slot));
        const expected = c[0]! * before[at]! + c[1]! * x0![at]! + c[2]! * noise![at]!;
        assert(Math.abs(expected - z![at]!) <= 1e-6 * largest, `step ${step}, slot ${slot}`);
      }
    });
  }

  Deno.test(`a process's scaledTimestep() gives the network's input of golden ${name}`, () => {
    const path = golden(`${name}/config.json`);
    const process = processOf(parseReferenceConfig(readTextFile(path), path).diffusion);
    const { tensors } = readSafetensors(golden(`${name}/denoiser.safetensors`));
    const expected = toFloat32(tensors.get("scaled_timestep")!);
    const actual = toInt32(tensors.get("token_timestep")!);
    assertEquals([...actual].map((t) => process.scaledTimestep(t)), [...expected]);
  });
}
