import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { callsPicture, callsTable, type Measured, percentile } from "../../bench/calls_report.ts";

const RIVAL: Measured = {
  name: "greedy, float32",
  program: "CTranslate2",
  bleu: 42.5,
  calls: [8, 10, 12],
  batched: [0.004, 0.002, 0.003],
  alone: [0.006, 0.006, 0.006],
  sameAlone: 1,
};
const OURS: Measured = {
  name: "draft 4 <b>",
  program: "ardiff",
  bleu: 43,
  calls: [3, 4, 8],
  batched: [0.002, 0.002, 0.001],
  alone: [0.002, 0.003, 0.004],
  sameAlone: 0.5,
};

Deno.test("callsTable() compares medians with CTranslate2's first system", () => {
  const [, , ours = "", rival = ""] = callsTable([OURS, RIVAL], 32).split("\n");
  const cells = (row: string) => row.split("|").slice(1, -1).map((cell) => cell.trim());
  assertEquals(cells(ours), [
    ...["1. ardiff, draft 4 <b>", "43.00", "5.00", "8", "8"],
    ...["500", "1.50x", "3.00", "2.00x", "50.0 %"],
  ]);
  assertEquals(cells(rival).slice(5), ["333", "1.00x", "6.00", "1.00x", "100.0 %"]);
});

Deno.test("callsTable() needs something of CTranslate2's to compare with", () => {
  assertThrows(() => callsTable([OURS], 32), RangeError);
});

Deno.test("callsPicture() has a point for every system in both panels, and keeps text text", async () => {
  const picture = await callsPicture([RIVAL, OURS], "a < b");
  assertEquals(picture.match(/aria-roledescription="point"/g)?.length, 4);
  assertMatch(picture, />a &lt; b</);
});

Deno.test("percentile() is the smallest value that covers the share", () => {
  assertEquals(percentile([5, 1, 3, 2, 4], 0.95), 5);
  assertEquals(percentile([5, 1, 3, 2, 4], 0.6), 3);
  assertEquals(percentile([7], 0), 7);
});
