import { assertEquals } from "@std/assert";
import { bleuTokens } from "../../src/metrics/bleu_tokenizers.ts";

const LINE = "Sätze, 1,000.5 (U.S.) &quot;x-y&quot; 3-4 €5 — don't!";

Deno.test("bleuTokens() splits by 13a", () => {
  assertEquals(
    bleuTokens(LINE, "13a").join(" "),
    'Sätze , 1,000.5 ( U . S . ) " x-y " 3 - 4 €5 — don\'t !',
  );
});

Deno.test("bleuTokens() splits by intl", () => {
  assertEquals(
    bleuTokens(LINE, "intl").join(" "),
    "Sätze , 1,000.5 ( U . S . ) & quot ; x - y & quot ; 3-4 € 5 — don ' t !",
  );
});

Deno.test("bleuTokens() splits by char into code points", () => {
  assertEquals(bleuTokens("a 😀e\u0301", "char"), ["a", "😀", "e", "\u0301"]);
});

Deno.test("bleuTokens() splits by none at whitespace only", () => {
  assertEquals(bleuTokens(" a,b\u3000c. ", "none"), ["a,b", "c."]);
});
