/** Checks golden folders and schedule files. */
import { ExitCode, UserError } from "../errors.ts";
import { GoldenFolder, goldenSources } from "./folder.ts";
import { checkNetwork } from "./network_check.ts";
import { type Finding, type GoldenOptions, relativeError, relativeNormError } from "./report.ts";
import { checkSampling } from "./sampling_check.ts";
import { checkSchedule } from "./schedule_check.ts";
import { checkTraining } from "./training_check.ts";

/** Relative errors that rounding explains. */
const TOLERANCES = {
  f32: 1e-5,
  bf16: 2e-2,
  training: { loss: 1e-5, gradient: 1e-4 },
} as const;

/** Checks one path: a golden folder, or a schedule file. */
export async function checkGolden(path: string, options: GoldenOptions): Promise<Finding[]> {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch (cause) {
    throw new UserError(
      ExitCode.data,
      `Cannot find "${path}": give a folder of golden values or a schedule.json`,
      { cause },
    );
  }
  if (info.isFile) return checkSchedule(path);
  const folder = new GoldenFolder(path);
  const tolerance = TOLERANCES[options.dtype];
  const exact = options.dtype === "f32";
  const measure = exact ? relativeError : relativeNormError;
  const { portable } = options;
  const findings: Finding[] = [];
  using denoiser = await folder.denoiser(options);
  const network = folder.file("denoiser.safetensors");
  if (network === undefined) {
    throw new UserError(ExitCode.data, `Golden folder "${path}" lacks denoiser.safetensors`);
  }
  findings.push(...await checkNetwork(folder, denoiser, network, { measure, tolerance, portable }));
  for (const rounded of [false, true]) {
    const file = folder.file(`sampling_${rounded ? "rounded" : "plain"}.safetensors`);
    if (file === undefined) continue;
    findings.push(
      ...await checkSampling(folder, denoiser, file, goldenSources(network), {
        rounded,
        measure,
        tolerance,
        exact,
        portable,
      }),
    );
  }
  // Recorded gradients are a matter of float32: single ones of bfloat16 differ by more than they tell.
  if (exact) {
    findings.push(
      ...await checkTraining(folder, options, { measure, ...TOLERANCES.training }),
    );
  }
  return findings;
}
