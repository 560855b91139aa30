/** The model folder that a run writes. */
import { loadModelFolder, writeModelFolder } from "../denoiser/model_folder.ts";
import { toFloat32 } from "../denoiser/tensors.ts";
import { VERSION } from "../version.ts";
import { checkpointPath, tensorsOf } from "./checkpoint.ts";
import { currentCommit } from "./commit.ts";
import { modelCard } from "./model_card.ts";
import { recordedValidation } from "./reporter.ts";
import { baseName } from "./request.ts";
import type { Run } from "./run.ts";
import { RUN_FILES } from "./run_folder.ts";
import type { Session } from "./session.ts";

/**
 * Writes the model folder, `output/model`, and returns its path.
 *
 * @param command what repeats the run, for the card
 */
export function exportModel(
  run: Run,
  { state, validation }: Session,
  output: string,
  command: string,
): string {
  const path = `${output}/${RUN_FILES.model}`;
  const { config, pairs } = run;
  const best = config.checkpoints.export === "best" ? state.best : null;
  const stored = best &&
    loadModelFolder(checkpointPath(`${output}/${RUN_FILES.checkpoints}`, best.step));
  // With what had been learned of the process by then.
  const model = stored?.config ?? run.model;
  const values = stored === null
    ? tensorsOf(run.trainer.read("average"), run.layout)
    : (name: string) => toFloat32(stored.tensors.get(name)!);
  const step = best?.step ?? state.step;
  const readme = modelCard({
    name: baseName(output),
    config,
    model,
    state,
    step,
    data: pairs.summary,
    validation: validation?.step === step ? validation : recordedValidation(output, step),
    command,
    version: VERSION,
    commit: currentCommit(),
  });
  writeModelFolder(path, {
    config: {
      ...model,
      provenance: { ...model.provenance, updates: step },
    },
    values,
    dtype: config.checkpoints.dtype === "bf16" ? "BF16" : "F32",
    tokenizerJson: run.tokenizer.toJson(),
    readme,
  }, { replace: true });
  return path;
}

/** Writes the weights as they are now, averaged, as a model folder that generates. */
export function exportTeacher(run: Run, path: string): void {
  writeModelFolder(path, {
    config: run.model,
    values: tensorsOf(run.trainer.read("average"), run.layout),
    dtype: "F32",
    tokenizerJson: run.tokenizer.toJson(),
    readme: "The weights that a training set was distilled from.\n",
  }, { replace: true });
}
