import { assertAlmostEquals, assertEquals } from "@std/assert";
import { growthOf, growthTable } from "../../src/report/growth.ts";
import { settingsOf } from "../../src/report/summary.ts";
import type { TrainingRecord } from "../../src/sweep/records.ts";
import { sampleCell } from "./sample_cells.ts";

Deno.test("growthOf() finds the exponent of processor time along an axis of counts", () => {
  const cells = ["a", "b"].flatMap((process) =>
    [1, 4, 16].map((steps) =>
      sampleCell({ process, "generate.steps": steps, "training.seed": 1 }, 0.5, {
        processorSeconds: process === "a" ? 3 * steps ** 0.5 : 2 * steps,
      })
    )
  );
  const growths = growthOf(settingsOf(cells));
  assertEquals(growths.map(({ by, of }) => [by, of]), [["steps", "a"], ["steps", "b"]]);
  assertAlmostEquals(growths[0]!.exponent, 0.5, 1e-9);
  assertAlmostEquals(growths[1]!.exponent, 1, 1e-9);
  assertEquals(growthTable(growths)[1], ["a line", "steps", "a", "1", "16", "3", "0.50"]);
});

Deno.test("growthOf() finds the exponent of an update's processor time, each training once", () => {
  const cells = [16, 32, 64].flatMap((slots) =>
    [5, 20].map((steps) =>
      sampleCell({ "text.target_slots": slots, "generate.steps": steps }, 0.5, {
        processorSeconds: null,
        training: {
          updateSeconds: 3 * slots ** 1.25,
          curve: [],
          byTimestep: [],
        } as unknown as TrainingRecord,
      })
    )
  );
  const growths = growthOf(settingsOf(cells));
  assertEquals(growthTable(growths).slice(1), [
    ["an update", "target slots", "all", "16", "64", "3", "1.25"],
  ]);
  // Of two seeds one of which was not measured, nothing is told.
  const unknown = { ...cells[0]!, cell: "other", training: cells[0]!.training && null };
  assertEquals(growthOf(settingsOf([...cells, unknown])), []);
});

Deno.test("growthOf() takes parameters where an axis of names changes them, and nothing else", () => {
  const cells = [["small", 100], ["middling", 1000], ["large", 10_000]].map(([size, parameters]) =>
    sampleCell({ size: size!, "generate.temperature": 0.5 }, 0.5, {
      processorSeconds: Number(parameters) ** 1.5,
      training: { parameters, curve: [], byTimestep: [] } as unknown as TrainingRecord,
    })
  );
  const growths = growthOf(settingsOf(cells));
  assertEquals(growths.map(({ by }) => by), ["parameters (size)"]);
  assertAlmostEquals(growths[0]!.exponent, 1.5, 1e-9);
  assertEquals(growthOf(settingsOf(cells.map((cell) => ({ ...cell, training: null })))), []);
  const unmeasured = cells.map((cell) => ({ ...cell, processorSeconds: null }));
  assertEquals(growthOf(settingsOf(unmeasured)), []);
});

Deno.test("growthOf() says nothing of sizes that are nearly the same", () => {
  const cells = [["plain", 100], ["shifted", 110], ["gaps", 120]].map(([process, parameters]) =>
    sampleCell({ process: process! }, 0.5, {
      processorSeconds: Number(parameters) ** 9,
      training: { parameters, curve: [], byTimestep: [] } as unknown as TrainingRecord,
    })
  );
  assertEquals(growthOf(settingsOf(cells)), []);
});

Deno.test("growthOf() says nothing of two counts, through which a line always goes", () => {
  const cells = [5, 20].map((steps) => sampleCell({ "generate.steps": steps }, 0.5));
  assertEquals(growthOf(settingsOf(cells)), []);
});

Deno.test("growthOf() keeps grids of a plan apart that have other axes", () => {
  const cells = [1, 2, 4].flatMap((count) => [
    sampleCell({ "text.target_slots": count }, 0.5, { processorSeconds: count ** 2 }),
    sampleCell({ "tokenizer.vocabulary_size": count }, 0.5, { processorSeconds: count }),
  ]);
  assertEquals(growthTable(growthOf(settingsOf(cells))).slice(1), [
    ["a line", "target slots", "all", "1", "4", "3", "2.00"],
    ["a line", "vocabulary size", "all", "1", "4", "3", "1.00"],
  ]);
});
