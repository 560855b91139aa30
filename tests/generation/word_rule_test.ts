/** Words that are to stand in texts. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { BeamGroup, type BeamNetwork, searchBeams } from "../../src/generation/beam_search.ts";
import {
  generateBatch,
  GENERATION_DEFAULTS,
  type GenerationInput,
} from "../../src/generation/generate.ts";
import { TokenPieces } from "../../src/generation/token_pieces.ts";
import { progressOf, WantedWords, wanting, wishesOf } from "../../src/generation/word_rule.ts";
import { parseTokenizer } from "../../src/text/parse_tokenizer.ts";
import { TOKENIZER } from "../commands/sample_tokenizer.ts";
import { withShiftedModel } from "./tiny_model.ts";

const tokenizer = await parseTokenizer(Deno.readTextFileSync(TOKENIZER), TOKENIZER);
const pieces = TokenPieces.of(tokenizer);
const END = tokenizer.special.eos;

/** What the tokens of a text gain, one after the other. */
function gainOf(words: readonly string[], text: string): number {
  const rule = wanting(new WantedWords(words), END, pieces);
  const tokens = tokenizer.encode(text);
  return tokens.reduce((sum, id, i) => sum + rule(tokens.slice(0, i))(id), 0);
}

Deno.test("WantedWords counts words in any inflection, once each", () => {
  const words = new WantedWords(["Run", "dog", "ice cream"]);
  assertEquals(words.count, 4);
  assertEquals(words.countIn("Dogs ran; dogs run."), 2);
  assertEquals(words.countIn("creamy ice"), 1);
  assertEquals(words.missingIn("a dog runs"), ["ice", "cream"]);
});

Deno.test("a word gains once, however often it comes, and not while it is only begun", () => {
  const once = gainOf(["dog"], "the dog is red");
  assert(once > 0);
  assertAlmostEquals(gainOf(["dog"], "the dog is a dog, dogs"), once, 1e-9);
  assertAlmostEquals(gainOf(["dog"], "the red street"), 0, 1e-9);
  assertAlmostEquals(gainOf(["dog"], "the dogma is"), 0, 1e-9);
  assertAlmostEquals(gainOf(["dog", "street"], "the dog in the street"), 2 * once, 1e-9);
});

Deno.test("a text does not end while words are missing", () => {
  const rule = wanting(new WantedWords(["dog"]), END, pieces);
  assertEquals(rule(tokenizer.encode("the"))(END), -Infinity);
  assertEquals(rule(tokenizer.encode("the dog"))(END), 0);
});

Deno.test("wishesOf() wishes for the next token of what is begun, else for missing words by turns", () => {
  const wish = wishesOf(new WantedWords(["street", "dog"]), pieces);
  const [street, dog] = [pieces.tokensOf("street"), pieces.tokensOf("dog")];
  const the = tokenizer.encode("the");
  assertEquals([wish(the, 0), wish(the, 1), wish(the, 2)], [street[0], dog[0], street[0]]);
  for (const word of [street, dog].filter(({ length }) => length > 1)) {
    for (let begun = 1; begun < word.length; begun++) {
      assertEquals(wish([...the, ...word.slice(0, begun)], 0), word[begun]);
    }
  }
  assertEquals(wish(tokenizer.encode("the dog in the street"), 0), undefined);
});

/** After anything come tokens of the likely text, after that its end; all else is very unlikely. */
class Stubborn implements BeamNetwork {
  step(step: Parameters<BeamNetwork["step"]>[0]): Promise<void> {
    const likely = tokenizer.encode("the red man");
    step.streamIds.forEach((id, at) => {
      const next = id === 1
        ? likely[0]!
        : likely.includes(id)
        ? likely[likely.indexOf(id) + 1] ?? END
        : END;
      for (let rank = 0; rank < step.top; rank++) {
        step.ids[at * step.top + rank] = rank === 0 ? next : rank === 1 ? END : 2 + rank;
        step.logProbabilities![at * step.top + rank] = rank === 0 ? -0.1 : -5 - rank;
      }
      if (step.wanted) step.wanted.logProbabilities[at] = -30;
    });
    return Promise.resolve();
  }

  copy(): void {}
}

Deno.test("searchBeams() brings in words that the network would never say, once each", async () => {
  for (const words of [["dog"], ["street", "dog"]]) {
    const wanted = new WantedWords(words);
    const group = new BeamGroup({
      firstRow: 0,
      width: 6,
      startId: 1,
      endId: END,
      limit: 24,
      forced: [],
      rule: wanting(wanted, END, pieces),
      progress: progressOf(wanted, pieces),
      wish: wishesOf(wanted, pieces),
      top: 2,
      lengthPenalty: 1,
    });
    await searchBeams(new Stubborn(), [group], 1);
    const text = tokenizer.decode(group.best[0]!.tokens);
    for (const word of words) assertEquals(text.split(word).length, 2, text);
    assertEquals(group.best[0]!.tokens.at(-1), END);
  }
});

Deno.test(
  "generate() brings words in, alike in any batch",
  withShiftedModel(async (model) => {
    const lines = ["a dog", "the red sky", "a man"].map((source): GenerationInput => ({
      source,
      words: source.split(" ").slice(1),
    }));
    for (const how of [{ beam: 6 }, { candidates: 6, temperature: 1 }]) {
      const options = { ...GENERATION_DEFAULTS, ...how };
      const results = await generateBatch(model, lines, options);
      for (const batchSize of [1, 2]) {
        assertEquals(await generateBatch(model, lines, { ...options, batchSize }), results);
      }
      if (!("beam" in how)) continue;
      for (const { source, text } of results) {
        for (const word of source.split(" ").slice(1)) assert(text.includes(word), text);
      }
    }
  }),
);

Deno.test(
  "{source} among the words stands for those of the line",
  withShiftedModel(async (model) => {
    const sources = ["dog street", "the red sky", ""];
    const options = { ...GENERATION_DEFAULTS, beam: 6 };
    const named = (words: (source: string) => string[]) =>
      sources.map((source): GenerationInput => ({ source, words: words(source) }));
    const wanted = await generateBatch(model, named((source) => [source, "walks"]), options);
    const words = ["{source}", "walks"];
    assertEquals(await generateBatch(model, sources, { ...options, words }), wanted);
    assertEquals(await generateBatch(model, named(() => words), options), wanted);
    assert(wanted[0]!.text.includes("dog") && wanted[0]!.text.includes("street"), wanted[0]!.text);
  }),
);
