import { assertEquals } from "@std/assert";
import { makeNormalizer, normalizerEntry, normalizerNames } from "../../src/text/normalizer.ts";

Deno.test("normalizerNames() reads what normalizerEntry() writes", () => {
  for (const names of [[], ["NFC"], ["NFKC", "Lowercase"]] as const) {
    assertEquals(normalizerNames(normalizerEntry(names)), [...names]);
  }
});

Deno.test("normalizerNames() flattens sequences and refuses what it does not know", () => {
  const nested = { type: "Sequence", normalizers: [{ type: "NFD" }] };
  const sequence = { type: "Sequence", normalizers: [nested, { type: "Lowercase" }] };
  assertEquals(normalizerNames(sequence), ["NFD", "Lowercase"]);
  assertEquals(normalizerNames({ type: "BertNormalizer" }), undefined);
  const partly = { type: "Sequence", normalizers: [{ type: "NFC" }, { type: "StripAccents" }] };
  assertEquals(normalizerNames(partly), undefined);
});

Deno.test("makeNormalizer() applies names in order", () => {
  assertEquals(makeNormalizer([])("É"), "É");
  assertEquals(makeNormalizer(["NFC", "Lowercase"])("E\u0301"), "é");
  assertEquals(makeNormalizer(["NFKC"])("ﬁ①"), "fi1");
});

Deno.test("makeNormalizer() lowers a final sigma like any other, as Hugging Face's does", () => {
  assertEquals(makeNormalizer(["Lowercase"])("ΟΔΟΣ"), "οδοσ");
});
