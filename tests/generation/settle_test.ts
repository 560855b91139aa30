import { assertEquals } from "@std/assert";
import { dropShare, EndTracker } from "../../src/generation/settle.ts";

const END = 2;
const MOVING = new Uint8Array(5);

/** A tracker of one row of five slots whose timesteps must be at most 100. */
function tracker(): EndTracker {
  return new EndTracker(1, 5, { endId: END, maxTimestep: 100 });
}

function observe(ends: EndTracker, tokens: number[], timesteps: number[], atRest = MOVING) {
  return ends.observe(Int32Array.from(tokens), Int32Array.from(timesteps), atRest);
}

Deno.test("EndTracker.observe() drops what is right of an end that two evaluations agree on", () => {
  const ends = tracker();
  assertEquals(observe(ends, [7, 8, END, 9, END], [0, 10, 20, 30, 40]), false);
  assertEquals([...ends.active], [5]);
  assertEquals(observe(ends, [6, 8, END, END, 5], [0, 10, 20, 30, 40]), true);
  assertEquals([...ends.active], [3]);
});

Deno.test("EndTracker.observe() waits while the end moves", () => {
  const ends = tracker();
  observe(ends, [7, 8, END, 9, 9], [0, 0, 0, 0, 0]);
  assertEquals(observe(ends, [7, END, END, 9, 9], [0, 0, 0, 0, 0]), false);
  assertEquals(observe(ends, [7, 8, 9, END, 9], [0, 0, 0, 0, 0]), false);
  assertEquals(observe(ends, [7, 8, 9, END, 9], [0, 0, 0, 0, 0]), true);
  assertEquals([...ends.active], [4]);
});

Deno.test("EndTracker.observe() waits while the end's timestep is over the limit", () => {
  const ends = tracker();
  observe(ends, [7, 8, END, 9, 9], [0, 90, 101, 110, 120]);
  assertEquals(observe(ends, [7, 8, END, 9, 9], [0, 90, 101, 110, 120]), false);
  assertEquals(observe(ends, [7, 8, END, 9, 9], [0, 90, 100, 110, 120]), true);
});

Deno.test("EndTracker.observe() drops nothing without an end, or right of the last slot", () => {
  const ends = tracker();
  for (const tokens of [[7, 8, 9, 9, 9], [7, 8, 9, 9, END]]) {
    for (let i = 0; i < 3; i++) assertEquals(observe(ends, tokens, [0, 0, 0, 0, 0]), false);
  }
  assertEquals([...ends.active], [5]);
});

Deno.test("EndTracker.observe() goes by what a slot at rest was before", () => {
  const ends = tracker();
  const resting = Uint8Array.of(1, 1, 1, 0, 0);
  observe(ends, [7, END, 8, 9, 9], [0, 0, 0, 0, 0]);
  assertEquals(observe(ends, [END, -1, -1, 9, 9], [0, 0, 0, 0, 0], resting), true);
  assertEquals([...ends.active], [2]);
});

Deno.test("EndTracker.observe() drops more where an end comes further left", () => {
  const ends = tracker();
  for (let i = 0; i < 2; i++) observe(ends, [7, 8, 9, END, 9], [0, 0, 0, 0, 0]);
  for (let i = 0; i < 2; i++) observe(ends, [7, END, 9, END, -1], [0, 0, 0, 0, 0]);
  assertEquals([...ends.active], [2]);
});

Deno.test("EndTracker.observe() keeps rows apart", () => {
  const ends = new EndTracker(2, 3, { endId: END, maxTimestep: 0 });
  const tokens = Int32Array.of(END, 7, 7, 7, 7, 7);
  ends.observe(tokens, new Int32Array(3), new Uint8Array(3));
  assertEquals(ends.observe(tokens, new Int32Array(3), new Uint8Array(3)), true);
  assertEquals([...ends.active], [1, 3]);
});

Deno.test("dropShare() resolves auto by how the model was trained", () => {
  const text = { target_slots: 9, max_source_tokens: 9, pad_id: 0, bos_id: null, eos_id: 1 };
  const fixed = { ...text, length: "fixed", slots_by_source: null, rounding: "nearest" } as const;
  const batch = { ...fixed, length: "batch", slots_by_source: [9] } as const;
  assertEquals(dropShare("auto", fixed), undefined);
  assertEquals(typeof dropShare("auto", batch), "number");
  assertEquals([dropShare("off", batch), dropShare(0, fixed)], [undefined, 0]);
});
