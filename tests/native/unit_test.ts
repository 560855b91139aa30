import { assertEquals } from "@std/assert";

const program = decodeURIComponent(
  new URL("../../build/native/unit_test", import.meta.url).pathname,
);

Deno.test("what the ABI does not show is right", async () => {
  const { code, stdout, stderr } = await new Deno.Command(program).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals(code, 0, text(stderr));
  assertEquals(/^\d+ passed, 0 failed\n$/.test(text(stdout)), true, text(stdout));
});
