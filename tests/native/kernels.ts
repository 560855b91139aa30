/** The CPU kernels that this machine can run. */
import { UserError } from "../../src/errors.ts";
import { chooseKernels, describeLibrary } from "../../src/native/library_info.ts";

const ALL = ["baseline", "avx2", "avx512", "amx"] as const;

/** Name of an instruction set. */
export type KernelName = typeof ALL[number];

/** Runs a test once with each instruction set of this machine, and goes back to the best one. */
export async function withEachKernel(test: (name: KernelName) => Promise<void>): Promise<void> {
  const best = describeLibrary().instruction_set as KernelName;
  try {
    for (const name of ALL) {
      try {
        chooseKernels(name);
      } catch (error) {
        if (error instanceof UserError) continue; // not of this machine
        throw error;
      }
      await test(name);
    }
  } finally {
    chooseKernels(best);
  }
}
