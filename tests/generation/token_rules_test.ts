import { assertEquals } from "@std/assert";

import { drawKey, drawn, likeliest, ruled } from "../../src/generation/token_chooser.ts";
import { TokenPieces } from "../../src/generation/token_pieces.ts";
import {
  allRules,
  avoiding,
  noEndBefore,
  noRepeats,
  type TokenRule,
  wordAt,
} from "../../src/generation/token_rules.ts";
import { parseTokenizer } from "../../src/text/parse_tokenizer.ts";
import { TOKENIZER } from "../commands/sample_tokenizer.ts";

const tokenizer = await parseTokenizer(Deno.readTextFileSync(TOKENIZER), TOKENIZER);
const pieces = TokenPieces.of(tokenizer);
const END = tokenizer.special.eos;

/** The tokens that a rule forbids behind others. */
function forbidden(rule: TokenRule, tokens: readonly number[]): number[] {
  const judge = rule(tokens);
  return Array.from({ length: tokenizer.vocabSize }, (_, id) => id)
    .filter((id) => judge(id) === -Infinity);
}

Deno.test("TokenPieces gives what tokens add to a text", () => {
  const ids = tokenizer.encode("a red dog in the street");
  assertEquals(ids.map((id) => pieces.piece(id)).join(""), "a red dog in the street");
  assertEquals(pieces.piece(END), "");
});

Deno.test("noEndBefore() forbids the end and nothing else until the text is long enough", () => {
  assertEquals(forbidden(noEndBefore(2, 7), []), [7]);
  assertEquals(forbidden(noEndBefore(2, 7), [1]), [7]);
  assertEquals(forbidden(noEndBefore(2, 7), [1, 2]), []);
});

Deno.test("noRepeats() forbids tokens that would make n tokens stand twice", () => {
  assertEquals(forbidden(noRepeats(2), [3, 4, 3]), [4]);
  assertEquals(forbidden(noRepeats(2), [3, 4, 3, 5, 3]), [4, 5]);
  assertEquals(forbidden(noRepeats(3), [3, 4, 3]), []);
  assertEquals(forbidden(noRepeats(1), [3, 4]), [3, 4]);
  assertEquals(forbidden(noRepeats(4), [3]), []);
});

Deno.test("avoiding() forbids what would leave a word standing, in any case and any tokens", () => {
  const stands = (words: string[], text: string, next: string) => {
    const tokens = text === "" ? [] : tokenizer.encode(text);
    const whole = tokenizer.encode(text === "" ? next : `${text}${next}`);
    const rule = avoiding(words, pieces);
    // Token by token: forbidden at any of them.
    return whole.slice(tokens.length).some((_, i) =>
      rule(whole.slice(0, tokens.length + i))(whole[tokens.length + i]!) === -Infinity
    );
  };
  assertEquals(stands(["dog"], "the", " dog"), true);
  assertEquals(stands(["Dog"], "the", " dog"), true);
  assertEquals(stands(["dog"], "", "dog"), true);
  assertEquals(stands(["dog"], "the", " red"), false);
  assertEquals(stands(["og"], "the", " dog"), false);
  assertEquals(stands(["red dog"], "a red", " dog"), true);
  assertEquals(stands(["red dog"], "a", " dog"), false);
  assertEquals(stands(["."], "a dog", "."), true);
});

Deno.test("avoiding() does not mind what stands in the text already", () => {
  const tokens = tokenizer.encode("the dog");
  const all = forbidden(avoiding(["dog"], pieces), tokens);
  assertEquals(all.includes(tokenizer.encode(" red")[0]!), false);
  assertEquals(all.includes(END), false);
});

Deno.test("wordAt() lets a word begin, or the text end, at one place", () => {
  const rule = wordAt(2, END, pieces);
  const allowed = Array.from({ length: tokenizer.vocabSize }, (_, id) => id)
    .filter((id) => !forbidden(rule, [4, 5]).includes(id));
  assertEquals(allowed.includes(END), true);
  assertEquals(allowed.every((id) => id === END || /^\s/.test(pieces.piece(id))), true);
  assertEquals(forbidden(rule, [4]), []);
});

Deno.test("ruled() chooses among what is allowed, and tells the network's log-probability", () => {
  const ids = Int32Array.of(5, 7, 9), scores = Float32Array.of(-0.5, -1, -2);
  const no = (id: number): TokenRule => () => (next) => next === id ? -Infinity : 0;
  assertEquals(ruled(likeliest, no(5), END)([], ids, scores), { id: 7, logProbability: -1 });
  const bonus: TokenRule = () => (next) => next === 9 ? 3 : 0;
  assertEquals(ruled(likeliest, bonus, END)([], ids, scores), { id: 9, logProbability: -2 });
  const rule = allRules([no(5), no(7), no(9)])!;
  assertEquals(ruled(likeliest, rule, END)([], ids, scores), { id: END, logProbability: NaN });
  const draw = drawn(drawKey(1n, [4], 1), { temperature: 1, epsilon: 0, topP: 1 });
  for (let place = 0; place < 50; place++) {
    const { id } = ruled(draw, no(7), END)(Array(place).fill(3), ids, scores);
    assertEquals(id === 5 || id === 9, true);
  }
});
