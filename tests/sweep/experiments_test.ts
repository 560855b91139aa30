/** The plans of experiments/ can be run, as far as their data are there. */
import { assert } from "@std/assert";
import { parsePlan } from "../../src/sweep/plan.ts";
import { parseTrainingConfig } from "../../src/training/config.ts";
import { ROOT } from "../docs/markdown.ts";

const FOLDER = `${ROOT}experiments`;
const NO_PLANS = ["base.toml"];

for (const { name } of Deno.readDirSync(FOLDER)) {
  if (!name.endsWith(".toml") || NO_PLANS.includes(name)) continue;
  Deno.test(`experiments/${name} names options that there are, and says what it asks`, () => {
    const plan = parsePlan(Deno.readTextFileSync(`${FOLDER}/${name}`), name);
    assert(plan.about.endsWith("?") || name === "smoke.toml");
    const base = Deno.readTextFileSync(`${ROOT}${plan.config}`);
    for (const { settings } of plan.cells) parseTrainingConfig(base, plan.config, settings);
  });
}
