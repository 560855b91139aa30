/** The matmuls of one step of our network: how many operations, and how fast plain ones run. */

import type { Dtype } from "../src/native/model.ts";
import { timeMatmul } from "../src/native/library_info.ts";
import type { Workload } from "./generate.ts";
import { median } from "./statistics.ts";

/** Matmuls of one kind. */
export interface MatmulPart {
  /** As pytorch_baseline.py calls it. */
  readonly name: string;
  /** 10^9 operations of one step. */
  readonly gflop: number;
  /** [rows, inner] x [inner, columns] of each; undefined for the many small ones of attention. */
  readonly shape?: { readonly rows: number; readonly inner: number; readonly columns: number };
}

/**
 * What our network multiplies in a step. Less than the baseline: keys and values of the source and
 * the time branch are made once, and the time key is folded into the key.
 */
export function networkMatmuls(workload: Workload): MatmulPart[] {
  const { network } = workload.folder.config;
  const { hidden_size: d, decoder_layers: layers } = network;
  const rows = workload.rows * workload.slots;
  const linear = (name: string, count: number, inner: number, columns: number): MatmulPart => ({
    name,
    gflop: 2e-9 * count * rows * inner * columns,
    shape: { rows, inner, columns },
  });
  const attention = (name: string, keys: number): MatmulPart => ({
    name,
    gflop: 2e-9 * layers * workload.slots * keys * d,
  });
  return [
    linear("input_up_proj.0", 1, workload.width, 2 * d),
    linear("input_up_proj.2", 1, 2 * d, d),
    linear("attention projections", 6 * layers, d, d),
    attention("self-attention scores", rows),
    attention("self-attention values", rows),
    attention("cross-attention scores", workload.sourceTokens),
    attention("cross-attention values", workload.sourceTokens),
    linear("ff.net.0", layers, d, 8 * d),
    linear("ff.net.2", layers, 4 * d, d),
    linear("output_down_proj.0", 1, d, 2 * d),
    linear("output_down_proj.2", 1, 2 * d, workload.width),
  ];
}

/** Rounding as a matmul. */
export function roundingMatmul(workload: Workload): MatmulPart {
  const rows = workload.rows * workload.slots,
    columns = workload.folder.config.network.vocabulary_size;
  return {
    name: "rounding",
    gflop: 2e-9 * rows * columns * workload.width,
    shape: { rows, inner: workload.width, columns },
  };
}

/** 10^9 operations a second of our packed matmul on one thread; undefined for attention. */
export function packedRate({ shape }: MatmulPart, dtype: Dtype): number | undefined {
  if (shape === undefined) return undefined;
  const { rows, inner, columns } = shape;
  const best = () => timeMatmul(rows, columns, inner, dtype, 3);
  return 2e-9 * rows * inner * columns / median([best(), best(), best()]);
}
