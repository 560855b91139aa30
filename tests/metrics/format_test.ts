import { assertEquals } from "@std/assert";
import { formatFixed } from "../../src/metrics/format.ts";

Deno.test("formatFixed() rounds exact ties to even as Python does", () => {
  assertEquals(formatFixed(6.25, 1), "6.2");
  assertEquals(formatFixed(6.75, 1), "6.8");
  assertEquals(formatFixed(0.5, 0), "0");
  assertEquals(formatFixed(1.5, 0), "2");
  assertEquals(formatFixed(99.5, 0), "100");
});

Deno.test("formatFixed() rounds what only looks like a tie by its exact value", () => {
  assertEquals(formatFixed(2.675, 2), "2.67");
  assertEquals(formatFixed(0.15, 1), "0.1");
  assertEquals(formatFixed(22.674635, 2), "22.67");
  assertEquals(formatFixed(0, 2), "0.00");
});
