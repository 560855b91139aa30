/**
 * A stream of lines to a stream of results, in order, one result a line.
 *
 * Lines are gathered into batches while the batch before them is in the network; a batch goes out when
 * it is full, when input ends, or when its first line has waited long enough. A line's result does not
 * depend on the batch it was in.
 */
import { select, type SelectionMethod } from "../mbr/select.ts";
import type { UtilityName } from "../mbr/utilities/mod.ts";
import { gather } from "./gather.ts";
import type { Model } from "./model.ts";
import { type Candidate, sample, type SampleOptions } from "./sample.ts";
import { encodeSource, type Source } from "./source.ts";

/** How candidates become the result of a line. */
export type Selector = "mbr" | "first" | "confidence";

/** How a stream is generated. */
export interface GenerateOptions extends Omit<SampleOptions, "confidence"> {
  /** Lines that go through the network at once. */
  readonly batchSize: number;
  /** Milliseconds that a line waits for others to fill its batch. */
  readonly maxWait: number;
  readonly select: Selector;
  readonly utility: UtilityName;
  readonly mbrMethod: SelectionMethod;
}

/** What became of a line. */
export interface GenerationResult {
  /** The input line. */
  readonly source: string;
  /** The chosen sentence; empty for a blank line. */
  readonly text: string;
  /** Index of the chosen candidate. */
  readonly chosen: number;
  readonly candidates: readonly Candidate[];
  /** Expected utility of each candidate, where they were compared. */
  readonly utilities?: Float64Array;
  /** Whether the line was over the model's source limit. */
  readonly truncated: boolean;
}

/** Generates for each line; blank lines give an empty result without the network. */
export async function* generate(
  model: Model,
  lines: AsyncIterable<string>,
  options: GenerateOptions,
): AsyncGenerator<GenerationResult, void, undefined> {
  for await (const batch of gather(lines, options.batchSize, options.maxWait)) {
    yield* await generateBatch(model, batch, options);
  }
}

/** Generates for the lines of one batch. */
export async function generateBatch(
  model: Model,
  lines: readonly string[],
  options: GenerateOptions,
): Promise<GenerationResult[]> {
  const results = new Array<GenerationResult>(lines.length);
  const bySlots = new Map<number, { index: number; source: Source }[]>();
  lines.forEach((line, index) => {
    if (line.trim() === "") {
      results[index] = { source: line, text: "", chosen: 0, candidates: [], truncated: false };
      return;
    }
    const source = encodeSource(line, model.tokenizer, model.config.text);
    const group = bySlots.get(source.slots) ?? [];
    group.push({ index, source });
    bySlots.set(source.slots, group);
  });
  for (const group of bySlots.values()) {
    const { candidates } = await sample(model, group.map(({ source }) => source), {
      ...options,
      confidence: options.select === "confidence",
    });
    group.forEach(({ index, source }, i) => {
      results[index] = {
        source: lines[index]!,
        truncated: source.truncated,
        ...choose(candidates[i]!, options),
      };
    });
  }
  return results;
}

function choose(
  candidates: readonly Candidate[],
  { select: selector, utility, mbrMethod }: GenerateOptions,
): Pick<GenerationResult, "text" | "chosen" | "candidates" | "utilities"> {
  const texts = candidates.map(({ text }) => text);
  if (selector === "mbr" && candidates.length > 1) {
    const { index, expectedUtility } = select(texts, { utility, method: mbrMethod });
    return { text: texts[index]!, chosen: index, candidates, utilities: expectedUtility };
  }
  let chosen = 0;
  if (selector === "confidence") {
    candidates.forEach(({ logProbability = -Infinity }, i) => {
      if (logProbability > (candidates[chosen]!.logProbability ?? -Infinity)) chosen = i;
    });
  }
  return { text: texts[chosen]!, chosen, candidates };
}
