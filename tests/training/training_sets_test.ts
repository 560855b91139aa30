import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { parseTrainingSets, setsByUpdate } from "../../src/training/training_sets.ts";

const table = (values: object) => ({ format: "tsv", file: "a.tsv", ...values });

Deno.test("parseTrainingSets() reads one table, or a list with the updates of each", () => {
  const spans = (value: unknown) =>
    parseTrainingSets(value, 100).map(({ from, until }) => [from, until]);
  assertEquals(spans(table({})), [[0, null]]);
  assertEquals(spans([table({ until: 60 }), table({ from: 60 })]), [[0, 60], [60, null]]);
});

Deno.test("setsByUpdate() gives the sets of every part of a run", () => {
  assertEquals(
    setsByUpdate([
      { from: 0, until: 60 },
      { from: 40, until: null },
      { from: 0, until: null },
    ]),
    { "0": [0, 2], "40": [0, 1, 2], "60": [1, 2] },
  );
});

Deno.test("parseTrainingSets() refuses updates without data", () => {
  for (
    const [value, update] of [
      [[table({ from: 1 })], 1],
      [[table({ until: 50 }), table({ from: 60 })], 51],
      [[table({ until: 50 })], 51],
      [[], 1],
    ] as const
  ) {
    assertThrows(
      () => parseTrainingSets(value, 100),
      UserError,
      `Cannot train on [data.train]: no set of it is there for update ${update}; `,
    );
  }
  assertEquals(parseTrainingSets([table({ until: 100 })], 100).length, 1);
});

Deno.test("parseTrainingSets() refuses what is no span", () => {
  for (
    const [values, message] of [
      [{ from: -1 }, "Cannot use from = -1 in [data.train.0]: expected a number of updates"],
      [{ until: "x" }, 'Cannot use until = "x" in [data.train.0]'],
      [{ until: 0 }, "at least 1"],
      [{ file: 3 }, "Cannot use file = 3 in [data.train.0]"],
    ] as const
  ) {
    assertThrows(() => parseTrainingSets([table(values)], 100), UserError, message);
  }
});
