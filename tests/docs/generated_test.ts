/** Pages and pictures that scripts write are what the scripts would write now. */
import { assert, assertEquals } from "@std/assert";
import { drawTimesteps } from "../../scripts/draw_timesteps.ts";
import { manualPage } from "../../scripts/write_man.ts";
import { optionsPage } from "../../scripts/write_options.ts";
import { EXIT_CODES } from "../../src/cli/exit_codes.ts";
import { isInstalled } from "../cli/shell.ts";
import { page, ROOT, tableRows } from "./markdown.ts";

Deno.test("docs/options.md is what scripts/write_options.ts writes", () => {
  assert(Deno.readTextFileSync(`${ROOT}docs/options.md`) === optionsPage(), "run it again");
});

Deno.test("docs/ardiff.1 is what scripts/write_man.ts writes", () => {
  assert(Deno.readTextFileSync(`${ROOT}docs/ardiff.1`) === manualPage(), "run it again");
});

Deno.test({
  name: "groff has nothing to say against docs/ardiff.1",
  ignore: !isInstalled("groff"),
  fn: async () => {
    const { success, stdout, stderr } = await new Deno.Command("groff", {
      args: ["-man", "-Tutf8", "-ww", `${ROOT}docs/ardiff.1`],
    }).output();
    assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
    assert(stdout.length > 10_000);
  },
});

Deno.test("docs/command-line.md lists the exit codes as ardiff --help does", () => {
  assertEquals(
    tableRows(page("docs/command-line.md"), "exit code"),
    EXIT_CODES.map(([code, meaning]) => [String(code), meaning]),
  );
});

Deno.test("docs/timesteps.svg is what scripts/draw_timesteps.ts draws", () => {
  assert(Deno.readTextFileSync(`${ROOT}docs/timesteps.svg`) === drawTimesteps(), "run it again");
});
