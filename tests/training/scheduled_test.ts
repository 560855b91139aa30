import { assert, assertEquals } from "@std/assert";
import { integer, listOf } from "../../src/host/json_fields.ts";
import {
  beginnings,
  firstDifference,
  scheduledType,
  valueAt,
} from "../../src/training/scheduled.ts";

Deno.test("valueAt() gives the entry that has begun last", () => {
  const table = { "0": 1, "10": 2, "9": 3 };
  assertEquals([1, 9, 10, 11, 1000].map((update) => valueAt(table, update)), [1, 1, 3, 2, 2]);
  assertEquals(valueAt(7, 1000), 7);
  assertEquals(valueAt<readonly number[]>([4, 5], 1), [4, 5]);
});

Deno.test("beginnings() sorts by number", () => {
  assertEquals(beginnings({ "100": 1, "0": 1, "20": 1 }), [0, 20, 100]);
  assertEquals(beginnings(3), [0]);
});

Deno.test("scheduledType() takes a value or a table that begins at 0", () => {
  const type = scheduledType(listOf(integer(0, 9)));
  assert(type.accepts([1]));
  assert(type.accepts({ "0": [1], "5": [2, 3] }));
  for (
    const other of [{}, { "5": [1] }, { "0": 1 }, { "0": [1], "05": [1] }, { "0": [10] }, null]
  ) {
    assert(!type.accepts(other), JSON.stringify(other));
  }
});

Deno.test("firstDifference() finds the first update that differs", () => {
  assertEquals(firstDifference(1, 1), undefined);
  assertEquals(firstDifference(1, { "0": 1, "5": 1 }), undefined);
  assertEquals(firstDifference(1, 2), 1);
  assertEquals(firstDifference({ "0": 1, "5": 2 }, { "0": 1, "7": 2 }), 6);
  assertEquals(firstDifference([1], { "0": [1], "3": [2] }), 4);
});
