/** Ranks that differ, with groups in memory. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import { readTextFile } from "../../src/host/files.ts";
import { parseTrainingConfig, type TrainingConfig } from "../../src/training/config.ts";
import { ALONE, type ProcessGroup } from "../../src/training/process_group.ts";
import { expectSameSetup, expectSameWeights, setupOf } from "../../src/training/same_setup.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { writeRun } from "./sample_run.ts";

/** A group in which others give these texts. */
function groupWith(others: readonly string[]): ProcessGroup {
  return {
    ...ALONE,
    size: others.length + 1,
    gatherTexts: (mine) => Promise.resolve([mine, ...others]),
  };
}

function configOf(folder: string, ...set: string[]): TrainingConfig {
  const path = writeRun(folder);
  return parseTrainingConfig(readTextFile(path), path, set);
}

/** What differs, as a message names it, and how. */
const DIFFERENCES = [
  ["version of ardiff", "0.0.9"],
  ["commit of ardiff", "0123abc"],
  ["version of libtorch", "1.0.0"],
  ["instruction set", "none"],
  ["training.dropout", "0.25"],
  ["network.hidden_size", "32"],
  ["data.train", '"elsewhere"'],
  ["diffusion.noise_factor", "3"],
  ["last step", "7"],
  ["training.of_another_version", "1"],
] as const;

Deno.test(
  "expectSameSetup() names what differs, its values and the rank",
  withFolder(async (folder) => {
    const setup = setupOf(configOf(folder), 200);
    const same = JSON.stringify(setup);
    await expectSameSetup(groupWith([same, same]), setup);
    for (const [name, value] of DIFFERENCES) {
      const other = JSON.stringify({ ...setup, [name]: value });
      const error = await assertRejects(
        () => expectSameSetup(groupWith([same, other]), setup),
        UserError,
      );
      assertEquals(error.exitCode, ExitCode.ranks, name);
      assertStringIncludes(
        error.message,
        `Cannot train with ranks that differ: the ${name} is ${
          setup[name] ?? "absent"
        } on rank 0 ` +
          `and ${value} on rank 2; start the same program`,
      );
    }
  }),
);

Deno.test(
  "setupOf() has every option of a configuration",
  withFolder((folder) => {
    const config = configOf(folder);
    const setup = setupOf(config, 200);
    for (const [section, values] of Object.entries(config)) {
      for (const name of Object.keys(values ?? {})) {
        assertEquals(`${section}.${name}` in setup, true, `${section}.${name}`);
      }
    }
    const changed = setupOf(configOf(folder, "validation.samples=3"), 100);
    const names = Object.keys(setup).filter((name) => setup[name] !== changed[name]);
    assertEquals(names, ["validation.samples", "last step"]);
  }),
);

Deno.test("expectSameWeights() names the step and the rank whose weights differ", async () => {
  await expectSameWeights(groupWith(["a", "a"]), 7, () => "a");
  const error = await assertRejects(
    () => expectSameWeights(groupWith(["a", "b"]), 7, () => "a"),
    UserError,
    "Cannot go on from step 7: the weights of rank 2 are not those of rank 0",
  );
  assertEquals(error.exitCode, ExitCode.ranks);
});
