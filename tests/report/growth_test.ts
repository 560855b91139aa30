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
  assertEquals(growthTable(growths)[1], ["steps", "a", "1", "16", "3", "0.50"]);
});

Deno.test("growthOf() takes parameters where an axis of names changes them, and nothing else", () => {
  const cells = [["small", 100], ["large", 10_000]].map(([size, parameters]) =>
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
  const cells = [["plain", 100], ["shifted", 110]].map(([process, parameters]) =>
    sampleCell({ process: process! }, 0.5, {
      processorSeconds: Number(parameters) ** 9,
      training: { parameters, curve: [], byTimestep: [] } as unknown as TrainingRecord,
    })
  );
  assertEquals(growthOf(settingsOf(cells)), []);
});
