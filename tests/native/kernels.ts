/** The CPU kernels that this machine can run. */
import { UserError } from "../../src/errors.ts";
import { chooseKernels, describeLibrary } from "../../src/native/library_info.ts";

/** Every instruction set there are kernels for. */
export const KERNELS = ["baseline", "avx2", "avx512", "amx"] as const;

/** Name of an instruction set. */
export type KernelName = typeof KERNELS[number];

const best = describeLibrary().instruction_set as KernelName;

/** Whether this machine can run some kernels. */
export function runs(name: KernelName): boolean {
  try {
    chooseKernels(name);
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  } finally {
    chooseKernels(best);
  }
}

/** A test with each instruction set, ignored where this machine cannot run it. */
export function testWithEachKernel(
  name: string,
  test: (kernels: KernelName) => void | Promise<void>,
): void {
  for (const kernels of KERNELS) {
    Deno.test({
      name: `${name} [${kernels}]`,
      ignore: !runs(kernels),
      async fn() {
        chooseKernels(kernels);
        try {
          await test(kernels);
        } finally {
          chooseKernels(best);
        }
      },
    });
  }
}
