import { assertEquals } from "@std/assert";
import { countCalls } from "../../src/metrics/calls.ts";

Deno.test("countCalls() gives mean, 95th percentile and most", () => {
  const calls = Array.from({ length: 100 }, (_, i) => 100 - i);
  assertEquals(countCalls(calls), { mean: 50.5, p95: 95, max: 100 });
  assertEquals(countCalls([7]), { mean: 7, p95: 7, max: 7 });
});
