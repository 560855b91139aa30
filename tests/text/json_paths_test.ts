import { assertEquals } from "@std/assert";
import { stringsOf, valueAt } from "../../src/text/json_paths.ts";

Deno.test("valueAt() follows names joined by dots", () => {
  const record = { a: { b: [{ c: "deep" }] }, "a.b": "own name", "x.y": { z: 1 } };
  assertEquals(valueAt(record, "a.b"), "own name");
  assertEquals(valueAt(record, "a.b.0.c"), "deep");
  assertEquals(valueAt(record, "x.y.z"), 1);
  assertEquals(valueAt(record, "a.c"), undefined);
  assertEquals(valueAt(record, "a.b.c.d"), undefined);
  assertEquals(valueAt("text", "length"), undefined);
  assertEquals(valueAt({}, "constructor"), undefined);
});

Deno.test("stringsOf() takes a string or a list of strings", () => {
  assertEquals(stringsOf("a"), ["a"]);
  assertEquals(stringsOf(["a", "b"]), ["a", "b"]);
  assertEquals(stringsOf([]), []);
  assertEquals(stringsOf(["a", 1]), undefined);
  assertEquals(stringsOf(null), undefined);
  assertEquals(stringsOf(7), undefined);
});
