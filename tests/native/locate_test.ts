import { assert } from "@std/assert";
import { ROOT } from "../docs/markdown.ts";

// Variables belong to the process, which other test files share.
Deno.test("locate.ts finds what locate_alone.ts expects", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--quiet", "--no-check", "--frozen", "--no-prompt", "-P=test"]
      .concat("tests/native/locate_alone.ts"),
    cwd: ROOT,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert(success, text(stdout) + text(stderr));
});
