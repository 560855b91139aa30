import { assertEquals } from "@std/assert";
import { frameSource, frameTarget } from "../../src/text/frame.ts";

Deno.test("frameSource() frames ids by the start token, if there is one, and the end token", () => {
  assertEquals(frameSource([5, 6], { bos: 1, eos: 2 }, 4), { ids: [1, 5, 6, 2], length: 4 });
  assertEquals(frameSource([5, 6], { bos: null, eos: 2 }, 4), { ids: [5, 6, 2], length: 3 });
  assertEquals(frameSource([], { bos: null, eos: 2 }, 4), { ids: [2], length: 1 });
});

Deno.test("frameSource() cuts ids so that the end token has room, and tells what there was", () => {
  assertEquals(frameSource([5, 6, 7], { bos: 1, eos: 2 }, 4), { ids: [1, 5, 6, 2], length: 5 });
  assertEquals(frameSource([5, 6], { bos: 1, eos: 2 }, 1), { ids: [1, 2], length: 4 });
});

Deno.test("frameTarget() ends ids with the end token, within the limit", () => {
  assertEquals(frameTarget([5, 6], 2, 3), { ids: [5, 6, 2], length: 3 });
  assertEquals(frameTarget([5, 6, 7], 2, 3), { ids: [5, 6, 2], length: 4 });
});
