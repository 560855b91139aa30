import { assertAlmostEquals, assertEquals } from "@std/assert";
import { corpusBleu } from "../../src/metrics/bleu.ts";
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

Deno.test("bleuTokens() splits Chinese as sacreBLEU does (scripts/oracles/metrics_chinese.py)", () => {
  const { lines, bleu } = JSON.parse(
    Deno.readTextFileSync(new URL("../data/metrics/chinese.json", import.meta.url)),
  ) as {
    lines: { line: string; tokens: string[] }[];
    bleu: { hypotheses: string[]; references: string[]; score: number };
  };
  for (const { line, tokens } of lines) assertEquals(bleuTokens(line, "zh"), tokens, line);
  const references = bleu.references.map((text) => [text]);
  const { score } = corpusBleu(bleu.hypotheses, references, { tokenize: "zh" });
  assertAlmostEquals(score, bleu.score, 1e-9);
});
