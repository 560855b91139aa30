/**
 * The CPU kernels that this machine can run. Kernels are chosen for a whole process, which test files
 * share where they run in parallel: so a file's tests run on the best ones, and again, in a process of
 * their own, on each of the others.
 */
import { assertEquals } from "@std/assert";
import { chooseKernels, describeLibrary } from "../../src/native/library_info.ts";

/** Every instruction set of this kind of machine there are kernels for, the best last. */
const KERNELS = Deno.build.arch === "aarch64"
  ? ["baseline", "neon"] as const
  : ["baseline", "avx2", "avx512", "amx"] as const;

/** Tells a process that runs a file again which kernels to take. */
const VARIABLE = "ARDIFF_TEST_KERNELS";

const wanted = Deno.env.get(VARIABLE);
if (wanted !== undefined) chooseKernels(wanted as typeof KERNELS[number]);

/** Whether a file's tests are running again. */
export const isAgain = wanted !== undefined;

/** The kernels that the tests run on. */
export const kernelsInUse = wanted ?? describeLibrary().instruction_set;

/**
 * Runs a file's tests again on all other kernels, ignored where this machine lacks them.
 *
 * @param module the file's `import.meta.url`
 */
export function testOnOtherKernels(module: string): void {
  if (isAgain) return;
  const file = decodeURIComponent(new URL(module).pathname);
  const best = KERNELS.findIndex((name) => name === kernelsInUse);
  for (const [place, kernels] of KERNELS.entries()) {
    if (place === best) continue;
    Deno.test({
      name: `all tests of this file pass with the kernels for ${kernels}`,
      ignore: place > best,
      async fn() {
        const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
          args: ["test", "--quiet", "--frozen", "--no-prompt", "-P=test", file],
          cwd: `${import.meta.dirname}/../..`,
          env: { [VARIABLE]: kernels, NO_COLOR: "1" },
        }).output();
        const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
        assertEquals(code, 0, text(stdout) + text(stderr));
      },
    });
  }
}
