import { assertEquals } from "@std/assert";

const program = decodeURIComponent(
  new URL("../../build/sanitize/abi_test", import.meta.url).pathname,
);

function isBuilt(): boolean {
  try {
    return Deno.statSync(program).isFile;
  } catch {
    return false;
  }
}

Deno.test({
  name: "every entry point of the shim passes the address and undefined-behaviour sanitizers",
  // scripts/test.sh builds it first; a plain run of the tests need not.
  ignore: !isBuilt(),
  async fn() {
    // Sizes that no machine has are asked for on purpose; what libtorch keeps to its end is no leak.
    const env = { ASAN_OPTIONS: "allocator_may_return_null=1:detect_leaks=0" };
    const { code, stdout, stderr } = await new Deno.Command(program, { env }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assertEquals(code, 0, text(stderr).slice(0, 10_000));
    assertEquals(/^\d+ passed, 0 failed\n$/.test(text(stdout)), true, text(stdout));
  },
});
