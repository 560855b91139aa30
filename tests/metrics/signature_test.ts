import { assertEquals } from "@std/assert";
import { referenceCount, signature } from "../../src/metrics/signature.ts";

Deno.test("referenceCount() is the number of references, or var", () => {
  assertEquals(referenceCount([["a", "b"], ["c", "d"]]), 2);
  assertEquals(referenceCount([["a", "b"], ["c"]]), "var");
});

Deno.test("signature() puts references and resampling first, the version last", () => {
  assertEquals(
    signature({ space: false, nc: 6 }, "1.0", 2, { resamples: 10, seed: 3 }),
    "nrefs:2|bs:10|seed:3|space:no|nc:6|version:1.0",
  );
  assertEquals(signature({ tok: "13a" }, "1.0"), "tok:13a|version:1.0");
});
