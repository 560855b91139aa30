/**
 * Training pairs with a hole, of any texts: a model that learns from them fills gaps
 * (`ardiff generate --template`). Continuous paragraph denoising (Lin et al. 2023, GENIE): of every text
 * a span of words is left out, which is the target; the source is the text with the hole, behind the
 * text's own source where there is one.
 *
 *   deno task paragraphs --input data/tatoeba-en-fr/train.tsv --output data/tatoeba-en-fr/holes
 *     [--share 0.3 | --most 4] [--copies 1] [--whole]
 *
 *   --share S   a span has S of a text's words (0.3), at least one
 *   --most W    a span has 1 to W words, each as often
 *   --copies N  every text is written N times, each time with a span of its own
 *   --whole     every pair of source and text is written too as it is: the model then still translates
 *
 * The input has a text a line, or a source, a tab and a text. Writes OUTPUT.src and OUTPUT.tgt. The same
 * call gives the same files. The tokenizer must learn from OUTPUT.src: that the hole is one of its tokens
 * is how ardiff knows a model that fills gaps.
 */
import { parseArgs } from "node:util";
import { Random } from "../src/random.ts";
import { holeSource } from "../src/text/holes.ts";

/** A text, and what it comes from: empty where it comes from nothing. */
export interface SourcedText {
  readonly source: string;
  readonly text: string;
}

/** What is written of a text. */
export interface HolePair {
  readonly source: string;
  readonly target: string;
}

/** How many words a span has, of so many. */
export type SpanLength = (words: number, random: Random) => number;

/** A share of the words, at least one. */
export function shareOf(share: number): SpanLength {
  return (words) => Math.max(1, Math.floor(share * words));
}

/** One to so many words, each as often, and no more than there are. */
export function upTo(most: number): SpanLength {
  return (words, random) => Math.min(words, 1 + random.below(most));
}

const WORD = /[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu;

/** Pairs of texts with a hole and what fills it; texts without words, or with low lines, give none. */
export function holePairs(
  texts: readonly SourcedText[],
  spanLength: SpanLength,
  copies: number,
): HolePair[] {
  return Array.from(
    { length: copies },
    (_, copy) =>
      texts.flatMap(({ source, text }, i): HolePair[] => {
        const words = [...text.matchAll(WORD)];
        if (words.length === 0 || text.includes("_")) return [];
        const random = new Random(copy, 0, i);
        const length = spanLength(words.length, random);
        const first = random.below(words.length - length + 1);
        const [start, last] = [words[first]!, words[first + length - 1]!];
        const end = last.index + last[0].length;
        const template = { left: text.slice(0, start.index), right: text.slice(end) };
        return [{ source: holeSource(source, template), target: text.slice(start.index, end) }];
      }),
  ).flat();
}

function readTexts(path: string): SourcedText[] {
  return Deno.readTextFileSync(path).split("\n").filter((line) => line.trim() !== "")
    .map((line) => {
      const [source = "", ...rest] = line.split("\t");
      return rest.length === 0 ? { source: "", text: line } : { source, text: rest[0]! };
    });
}

if (import.meta.main) {
  const { values: { input, output, share, most, copies, whole } } = parseArgs({
    options: {
      input: { type: "string" },
      output: { type: "string" },
      share: { type: "string", default: "0.3" },
      most: { type: "string" },
      copies: { type: "string", default: "1" },
      whole: { type: "boolean", default: false },
    },
  });
  if (input === undefined || output === undefined) throw new Error("Give --input and --output");
  const texts = readTexts(input);
  const spanLength = most === undefined ? shareOf(Number(share)) : upTo(Number(most));
  const pairs = holePairs(texts, spanLength, Number(copies));
  if (whole) {
    const sourced = texts.filter(({ source }) => source !== "");
    pairs.push(...sourced.map(({ source, text }) => ({ source, target: text })));
  }
  Deno.writeTextFileSync(`${output}.src`, pairs.map(({ source }) => `${source}\n`).join(""));
  Deno.writeTextFileSync(`${output}.tgt`, pairs.map(({ target }) => `${target}\n`).join(""));
}
