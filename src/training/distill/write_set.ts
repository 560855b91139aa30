/** A run writes a training set itself: distils what it has learnt from the sources it learnt it of. */
import { MODEL_FILES } from "../../denoiser/model_folder.ts";
import { GENERATION_DEFAULTS } from "../../generation/generate.ts";
import { Model } from "../../generation/mod.ts";
import { digestOf } from "../../host/manifest.ts";
import type { Device, Dtype } from "../../native/model.ts";
import type { DataSpec } from "../../text/data_spec.ts";
import { countPairs, distill } from "./distill.ts";
import { describeDistilled, digestsOf, isDistilled, writeDistillManifest } from "./manifest.ts";
import { candidatesOfModel } from "./sources.ts";
import type { DistillTable } from "./table.ts";

/** What is written, and how. */
interface WriteSetOptions {
  /** The pairs whose sources get new targets. */
  readonly data: DataSpec;
  readonly table: DistillTable;
  readonly seed: number;
  /** The model folder that writes, and how it is loaded. */
  readonly teacher: string;
  readonly load: { readonly device: Device; readonly dtype: Dtype; readonly threads: number };
  /** The file of pairs, a .tsv. */
  readonly output: string;
  readonly say: (message: string) => void;
  /** Is asked now and then whether to leave off; what is written by then is gone on with next time. */
  readonly isOver: () => boolean;
  /** Aborted when the program is asked to stop. */
  readonly signal: AbortSignal;
}

/**
 * Writes the set and, beside it, its manifest, unless they are there. After whatever stopped it, it
 * goes on where it was, and the bytes in the end are the same.
 *
 * @returns whether the set is whole
 * @throws {UserError} where it cannot be written, and the reason of `signal`
 */
export async function writeSet(options: WriteSetOptions): Promise<boolean> {
  const { data, table, seed, teacher, load, output, say, isOver, signal } = options;
  const { keep, references, share, top_p: topP, ...generation } = table;
  const settings = {
    data: Object.values(
      digestsOf(data.format === "text" ? [data.sourceFile, data.targetFile] : [data.file]),
    ),
    weights: digestOf(`${teacher}/${MODEL_FILES.weights}`),
    ...table,
    seed: `${seed}`,
    dtype: load.dtype,
  };
  if (isDistilled(output, settings)) return true;
  const part = share < 1 ? { part: { share, heldOut: true } } : {};
  const taken = { ...data, ...part };
  const total = await countPairs(taken);
  say(`Distilling ${total.toLocaleString("en")} pairs into "${output}".`);
  const over = new AbortController();
  using model = await Model.load(teacher, load);
  const source = candidatesOfModel(
    model,
    { ...GENERATION_DEFAULTS, ...generation, topP, seed: BigInt(seed) },
    AbortSignal.any([signal, over.signal]),
  );
  const began = performance.now();
  let before = -1, told = began;
  try {
    const counts = await distill(source, {
      data: taken,
      range: { first: 0, end: total },
      keep,
      references,
      seed: BigInt(seed),
      output,
      settings,
      seal: (counts, path) => writeDistillManifest(output, path, counts, settings),
      onProgress(pairs) {
        if (before < 0) before = pairs;
        if (isOver()) over.abort();
        if (performance.now() - told < REPORT_EVERY) return;
        told = performance.now();
        say(`${pairs.toLocaleString("en")} of ${total.toLocaleString("en")} pairs are distilled.`);
      },
    });
    say(describeDistilled(counts, counts.pairs - before, (performance.now() - began) / 1000));
    return true;
  } catch (error) {
    if (over.signal.aborted && !signal.aborted) return false;
    throw error;
  }
}

/** Milliseconds between two reports of progress. */
const REPORT_EVERY = 30_000;
