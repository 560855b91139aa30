import { assert, assertEquals } from "@std/assert";
import { slotsBySource, slotsOfPairs } from "../../src/training/slots.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";

/** Sources of 2 to 11 tokens, targets about as long, a few much longer. */
const LENGTHS = {
  sourceLengths: Array.from({ length: 10_000 }, (_, i) => 2 + i % 10),
  targetLengths: Array.from(
    { length: 10_000 },
    (_, i) => i % 997 === 0 ? 30 : 2 + i % 10 + (i >> 4) % 2,
  ),
};

Deno.test("slotsBySource() covers the targets of each source length, outliers left out", () => {
  const slots = slotsBySource(LENGTHS, 32);
  assertEquals(slots.length, 12);
  assertEquals(slots.slice(2), [4, 4, 8, 8, 8, 8, 12, 12, 12, 12]);
});

Deno.test("slotsBySource() never falls and respects the limit", () => {
  const slots = slotsBySource(LENGTHS, 10);
  assertEquals(slots.at(-1), 10);
  assert(slots.every((value, i) => i === 0 || value >= slots[i - 1]!), `${slots}`);
});

Deno.test("slotsBySource() takes neighbours where a source length is rare", () => {
  const slots = slotsBySource({ sourceLengths: [3, 9], targetLengths: [5, 6] }, 32);
  assertEquals(slots, new Array(10).fill(8));
});

Deno.test("slotsOfPairs() gives a pair the slots of its source, or more for its target", () => {
  const text = {
    ...SAMPLE_CONFIG.text,
    length: "batch",
    target_slots: 32,
    slots_by_source: [4, 4, 8],
  } as const;
  const slots = slotsOfPairs({ sourceLengths: [1, 2, 9, 1], targetLengths: [3, 3, 3, 21] }, text);
  assertEquals([...slots], [4, 8, 8, 24]);
});

Deno.test("slotsOfPairs() gives all pairs the same number with fixed length", () => {
  const text = {
    ...SAMPLE_CONFIG.text,
    length: "fixed",
    target_slots: 30,
    slots_by_source: null,
  } as const;
  const slots = slotsOfPairs({ sourceLengths: [1, 2], targetLengths: [3, 29] }, text);
  assertEquals([...slots], [30, 30]);
});
