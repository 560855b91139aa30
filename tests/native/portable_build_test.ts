/**
 * The shim without CPU kernels (CMake: ARDIFF_CPU_KERNELS=OFF), over libtorch alone. Every build makes
 * it beside the whole one; a process loads one shim, so this one has a process of its own.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { golden } from "../denoiser/test_files.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);

async function ardiff(...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--frozen", "--no-prompt", "--allow-all", "main.ts", ...args],
    cwd: ROOT,
    env: {
      ARDIFF_NATIVE: `${ROOT}build/native/portable/libardiff.so`,
      ARDIFF_LIBTORCH: `${ROOT}build/native/libtorch`,
    },
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

Deno.test("the shim without CPU kernels has none", async () => {
  assertStringIncludes((await ardiff("doctor")).text, "portable");
});

Deno.test("the golden values pass on the shim without CPU kernels", async () => {
  const { code, text } = await ardiff("golden", "--threads", "1", ...folders());
  assertEquals(code, 0, text);
});

function folders(): string[] {
  return [...Deno.readDirSync(golden("."))].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => golden(name));
}
