/** Pages and pictures that scripts write are what the scripts would write now. */
import { assert } from "@std/assert";
import { drawTimesteps } from "../../scripts/draw_timesteps.ts";
import { optionsPage } from "../../scripts/write_options.ts";
import { ROOT } from "./markdown.ts";

Deno.test("docs/options.md is what scripts/write_options.ts writes", () => {
  assert(Deno.readTextFileSync(`${ROOT}docs/options.md`) === optionsPage(), "run it again");
});

Deno.test("docs/timesteps.svg is what scripts/draw_timesteps.ts draws", () => {
  assert(Deno.readTextFileSync(`${ROOT}docs/timesteps.svg`) === drawTimesteps(), "run it again");
});
