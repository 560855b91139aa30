import { assertEquals, assertThrows } from "@std/assert";
import { SegmentStatistics } from "../../src/metrics/segment_statistics.ts";

Deno.test("SegmentStatistics sums all segments, or those named as often as named", () => {
  const statistics = new SegmentStatistics(3, 2);
  for (const segment of [0, 1, 2]) statistics.row(segment).set([segment, 10]);
  assertEquals([...statistics.sum()], [3, 30]);
  assertEquals([...statistics.sumOf([2, 2, 1])], [5, 30]);
});

Deno.test("SegmentStatistics() refuses an empty corpus", () => {
  assertThrows(() => new SegmentStatistics(0, 2), RangeError, "at least one");
});
