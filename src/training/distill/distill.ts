/**
 * Training data whose targets a model wrote: for each pair candidates are drawn, and those that are
 * kept take the place of its target. A block of pairs at a time is worked on and written, so that
 * memory does not grow with the data and a run that was stopped goes on where it was.
 */
import { onOneLine } from "../../text/data_lines.ts";
import type { DataSpec, Pair } from "../../text/data_spec.ts";
import { readPairs } from "../../text/records.ts";
import { ExitCode, UserError } from "../../errors.ts";
import { keepsReference, type Kept, keptCandidates, keptReference } from "./keep.ts";
import type { Keep } from "./keep_names.ts";
import { PartialFile } from "./partial_file.ts";

/** Where candidates come from. */
export interface CandidateSource {
  /** Those of the pairs of a block, in their order, which is that of the data. */
  candidates(block: readonly NumberedPair[]): Promise<readonly (readonly string[])[]>;
}

/** A pair and its place in the data, from 0. */
export interface NumberedPair extends Pair {
  readonly index: number;
}

/** What is done. */
interface DistillOptions {
  readonly data: DataSpec;
  /** The pairs that are meant: the first, and the one after the last. */
  readonly range: { readonly first: number; readonly end: number };
  readonly keep: Keep;
  /** Share of pairs whose reference is kept. */
  readonly references: number;
  readonly seed: bigint;
  readonly output: string;
  /** What the output is made with, as values of JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Told how many pairs are done. */
  readonly onProgress: (pairs: number) => void;
  /** Told where all that was written lies, before it gets its name. */
  readonly seal: (counts: DistillCounts, path: string) => void;
}

/** What a run has counted. */
export interface DistillCounts {
  /** Pairs that were worked on, and those of them with an empty side, which are left out. */
  readonly pairs: number;
  readonly emptyPairs: number;
  /** Lines written, and how many of them are references. */
  readonly lines: number;
  readonly references: number;
  /** Sum of the chrF of what was kept, references aside. */
  readonly chrf: number;
}

const NONE: DistillCounts = { pairs: 0, emptyPairs: 0, lines: 0, references: 0, chrf: 0 };

/** Pairs that are worked on and written at once. */
const BLOCK = 1024;

/**
 * Writes the data.
 *
 * @returns what there is of them, the part of earlier runs included
 * @throws {UserError} where the data cannot be read, or the output cannot be written
 */
export async function distill(
  source: CandidateSource,
  options: DistillOptions,
): Promise<DistillCounts> {
  const { range, output, settings, onProgress } = options;
  const format = lineFormat(output);
  using file = new PartialFile<DistillCounts>(output, settings, NONE);
  onProgress(file.state.pairs);
  const referencesOf = options.keep === "consensus" ? await allReferences(options.data) : undefined;
  const first = range.first + file.state.pairs;
  for await (const block of blocksOf(pairsWithin(options.data, first, range.end))) {
    const kept = await workOn(block, source, options, referencesOf);
    const text = kept.flatMap((result, i) =>
      (result?.targets ?? []).map((target) => format(block[i]!.source, target))
    ).join("");
    file.add(text, countsAfter(file.state, kept));
    onProgress(file.state.pairs);
  }
  file.finish((path) => options.seal(file.state, path));
  return file.state;
}

/** The number of pairs of a data set. */
export async function countPairs(data: DataSpec): Promise<number> {
  let count = 0;
  for await (const _ of readPairs(data)) count++;
  return count;
}

/** All references of each source. */
async function allReferences(data: DataSpec): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  for await (const { source, target } of readPairs(data)) {
    if (target.trim() === "") continue;
    const references = found.get(source);
    if (references === undefined) found.set(source, [target]);
    else references.push(target);
  }
  return found;
}

/** What is kept of each pair of a block; undefined for one with an empty side. */
async function workOn(
  block: readonly NumberedPair[],
  source: CandidateSource,
  { keep, references, seed }: DistillOptions,
  referencesOf: ReadonlyMap<string, readonly string[]> | undefined,
): Promise<(Kept | undefined)[]> {
  const isEmpty = (pair: Pair) => pair.source.trim() === "" || pair.target.trim() === "";
  const asked = block.filter((pair) => !isEmpty(pair) && !keepsReference(pair, references, seed));
  const lists = await source.candidates(asked);
  const candidatesOf = new Map(asked.map((pair, i) => [pair, lists[i]!]));
  return block.map((pair) => {
    if (isEmpty(pair)) return undefined;
    const candidates = candidatesOf.get(pair);
    return candidates === undefined
      ? keptReference(pair.target)
      : keptCandidates(candidates, pair.target, keep, referencesOf?.get(pair.source));
  });
}

function countsAfter(before: DistillCounts, kept: readonly (Kept | undefined)[]): DistillCounts {
  const counts = { ...before };
  for (const result of kept) {
    counts.pairs++;
    if (result === undefined) counts.emptyPairs++;
    else if (result.isReference) counts.references++;
    else counts.chrf += result.chrf;
    counts.lines += result?.targets.length ?? 0;
  }
  return counts;
}

/** How a pair is written, by the name of the file. */
function lineFormat(path: string): (source: string, target: string) => string {
  if (path.endsWith(".jsonl")) {
    return (source, target) => `${JSON.stringify({ source, target })}\n`;
  }
  if (path.endsWith(".tsv")) {
    const field = (text: string) => onOneLine(text).replaceAll("\t", " ");
    return (source, target) => `${field(source)}\t${field(target)}\n`;
  }
  throw new UserError(
    ExitCode.usage,
    `Cannot write pairs to "${path}": expected a name that ends in .tsv or .jsonl`,
  );
}

async function* pairsWithin(
  data: DataSpec,
  first: number,
  end: number,
): AsyncGenerator<NumberedPair, void, undefined> {
  let index = 0;
  for await (const pair of readPairs(data)) {
    if (index >= end) return;
    if (index >= first) yield { ...pair, index };
    index++;
  }
}

async function* blocksOf<T>(items: AsyncIterable<T>): AsyncGenerator<T[], void, undefined> {
  let block: T[] = [];
  for await (const item of items) {
    block.push(item);
    if (block.length < BLOCK) continue;
    yield block;
    block = [];
  }
  if (block.length > 0) yield block;
}
