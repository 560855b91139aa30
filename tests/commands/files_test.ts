import { assertEquals, assertMatch } from "@std/assert";
import { runHere } from "../cli/fake_process.ts";
import { ROOT } from "../docs/markdown.ts";

Deno.test("ardiff files names what comes with the program, and prints each", async () => {
  const { code, stdout } = await runHere(["files"]);
  const names = stdout.trimEnd().split("\n");
  assertEquals(code, 0);
  assertEquals(names.at(-1), "docs/ardiff.1");
  assertEquals(names.includes("configs/smoke.toml"), true);
  for (const name of names) {
    const printed = await runHere(["files", name]);
    assertEquals(printed.stdout, Deno.readTextFileSync(`${ROOT}/${name}`));
  }
});

Deno.test("ardiff files prints nothing else", async () => {
  for (const name of ["../deno.json", "configs", "/etc/passwd", "configs/smok.toml"]) {
    const { code, stdout, stderr } = await runHere(["files", name]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^Error: Cannot print .* comes with the program; /);
  }
});
