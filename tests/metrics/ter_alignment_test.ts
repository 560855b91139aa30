import { assertEquals } from "@std/assert";
import { TerAligner } from "../../src/metrics/ter_alignment.ts";

const ids = (word: string) => Int32Array.from([...word], (letter) => letter.codePointAt(0)!);

Deno.test("TerAligner.align() finds distance, correspondence and errors", () => {
  const aligner = new TerAligner(ids("kitten"), 7);
  const alignment = aligner.align(ids("sitting"));
  assertEquals(alignment.distance, 3);
  assertEquals([...alignment.hypothesisAt], [0, 1, 2, 3, 4, 5]);
  assertEquals([...alignment.referenceErrors], [0, 1, 1, 1, 1, 2, 2]);
  assertEquals([...alignment.hypothesisErrors], [0, 1, 1, 1, 1, 2, 2, 3]);
});

Deno.test("TerAligner.distanceWithin() agrees with a full alignment", () => {
  const base = ids("abcdefghij");
  const candidate = ids("abcgdefhij");
  const aligner = new TerAligner(ids("abdefcghxj"), 10);
  aligner.align(base);
  const distance = aligner.distanceWithin(candidate, 3, 10);
  assertEquals(distance, new TerAligner(ids("abdefcghxj"), 10).align(candidate).distance);
});

Deno.test("TerAligner.distanceWithin() gives up above the limit", () => {
  const aligner = new TerAligner(ids("aaaaaaaa"), 8);
  aligner.align(ids("aaaaaaaa"));
  assertEquals(aligner.distanceWithin(ids("bbbbbbbb"), 0, 2), 3);
});

Deno.test("TerAligner.align() reaches the end of very uneven texts", () => {
  const aligner = new TerAligner(ids("x".repeat(500)), 2);
  assertEquals(aligner.align(ids("xy")).distance, 499);
  assertEquals(new TerAligner(ids("xy"), 500).align(ids("x".repeat(500))).distance, 499);
});
