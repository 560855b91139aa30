/**
 * Training pairs with holes, of any texts: a model that learns from them fills gaps
 * (`ardiff generate --template`). After GENIE's continuous paragraph denoising (Lin et al. 2023): of
 * every text spans of words are left out; the source is the text with the holes, behind the text's own
 * source where there is one, and the target what fills them (src/text/holes.ts has the form).
 *
 *   deno task paragraphs --input data/tatoeba-en-fr/train.tsv --output data/tatoeba-en-fr/gaps
 *     [--share 0.3 | --most 4] [--holes 3] [--copies 1] [--whole]
 *
 *   --share S   a span has S of a text's words (0.3), at least one
 *   --most W    a span has 1 to W words, each as often
 *   --holes N   1 to N spans of a text, half of the texts with one (1); fewer where words are few
 *   --copies N  every text is written N times, each time with spans of its own
 *   --whole     every pair of source and text is written too as it is: the model then still translates
 *
 * The input has a text a line, or a source, a tab and a text. Writes OUTPUT.src and OUTPUT.tgt. The same
 * call gives the same files. The tokenizer must learn from both: that the hole is one of its tokens is
 * how ardiff knows a model that fills gaps.
 */
import { parseArgs } from "node:util";
import { Random } from "../src/random.ts";
import { holeSource, holeTarget, type Template } from "../src/text/holes.ts";

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

/** A run of words: the first, and the one behind its last. */
type Span = readonly [first: number, end: number];

/** One to so many spans, one as often as several, with a word or more between them. */
function spansOf(words: number, spanLength: SpanLength, holes: number, random: Random): Span[] {
  const several = holes > 1 && random.below(2) === 1;
  const count = several ? 2 + random.below(holes - 1) : 1;
  const lengths = Array.from({ length: count }, () => spanLength(words, random));
  const takes = () => lengths.reduce((sum, length) => sum + length, lengths.length - 1);
  while (takes() > words) lengths.pop();
  const spare = words - takes();
  const places = lengths.map(() => random.below(spare + 1)).sort((a, b) => a - b);
  let before = 0;
  return lengths.map((length, i) => {
    const first = places[i]! + before;
    before += length + 1;
    return [first, first + length];
  });
}

/** Leaves spans of words out of a text: undefined where it has no words, or has low lines. */
export function leaveOut(
  text: string,
  spanLength: SpanLength,
  holes: number,
  random: Random,
): { readonly template: Template; readonly fills: readonly string[] } | undefined {
  const words = [...text.matchAll(WORD)];
  if (words.length === 0 || text.includes("_")) return undefined;
  const spans = spansOf(words.length, spanLength, holes, random).map(([first, end]) => {
    const last = words[end - 1]!;
    return { start: words[first]!.index, end: last.index + last[0].length };
  });
  const starts = [0, ...spans.map(({ end }) => end)];
  return {
    template: { texts: starts.map((start, k) => text.slice(start, spans[k]?.start)) },
    fills: spans.map(({ start, end }) => text.slice(start, end)),
  };
}

/** Pairs of texts with holes and what fills them. */
export function holePairs(
  texts: readonly SourcedText[],
  spanLength: SpanLength,
  { copies, holes }: { readonly copies: number; readonly holes: number },
): HolePair[] {
  return Array.from(
    { length: copies },
    (_, copy) =>
      texts.flatMap(({ source, text }, i): HolePair[] => {
        const left = leaveOut(text, spanLength, holes, new Random(copy, 0, i));
        if (left === undefined) return [];
        const { template, fills } = left;
        return [{ source: holeSource(source, template), target: holeTarget(template, fills) }];
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
  const { values: { input, output, share, most, holes, copies, whole } } = parseArgs({
    options: {
      input: { type: "string" },
      output: { type: "string" },
      share: { type: "string", default: "0.3" },
      most: { type: "string" },
      holes: { type: "string", default: "1" },
      copies: { type: "string", default: "1" },
      whole: { type: "boolean", default: false },
    },
  });
  if (input === undefined || output === undefined) throw new Error("Give --input and --output");
  const texts = readTexts(input);
  const spanLength = most === undefined ? shareOf(Number(share)) : upTo(Number(most));
  const sourced = whole ? texts.filter(({ source }) => source !== "") : [];
  const pairs = [
    ...holePairs(texts, spanLength, { copies: Number(copies), holes: Number(holes) }),
    ...sourced.map(({ source, text }): HolePair => ({ source, target: text })),
  ];
  Deno.writeTextFileSync(`${output}.src`, pairs.map(({ source }) => `${source}\n`).join(""));
  Deno.writeTextFileSync(`${output}.tgt`, pairs.map(({ target }) => `${target}\n`).join(""));
}
