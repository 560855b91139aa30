/**
 * What a reader should know before believing a score: texts for which a metric was not made give
 * numbers that look like those of bad outputs, or of good ones.
 */
import type { Metric } from "./metric_names.ts";
import type { MetricOptions } from "./metric_scores.ts";
import type { ScoreInput } from "./score.ts";
import { isSpaceless } from "./unicode_words.ts";

/** Sentences about the scores of a test set, without a final full stop; none where all is usual. */
export function scoreNotices(
  { systems, references }: ScoreInput,
  metrics: readonly Metric[],
  { tokenize = "13a", rougeTokenize = "alnum" }: Pick<MetricOptions, "tokenize" | "rougeTokenize"> =
    {},
): string[] {
  const notices: string[] = [];
  const has = (metric: Metric) => metrics.includes(metric);
  const texts = systems.flatMap(({ hypotheses }) => hypotheses);
  const truths = references?.flat() ?? [];
  if (has("rouge") && rougeTokenize === "alnum" && isMostlyUnseen(truths)) {
    notices.push(
      "ROUGE sees only the letters a to z and digits, and most of the references are others: choose " +
        '--rouge-tokenize "unicode", or take chrF',
    );
  }
  const spaceless = share(truths, isSpaceless);
  if (has("bleu") && spaceless > 0.5 && (tokenize === "13a" || tokenize === "none")) {
    notices.push(
      `BLEU's tokenizer "${tokenize}" takes a sentence without spaces for one word: choose ` +
        '--tokenize "zh" for Chinese, or "char"',
    );
  }
  if (has("bleu") && tokenize === "13a") {
    const split = texts.length > 0 && share(texts, endsInSplitStop) > 0.9;
    if (split && share(truths, endsInSplitStop) < 0.1) {
      notices.push(
        'Nearly all outputs end in " .", as text that was split into words does, and the references ' +
          "do not: scores of such outputs are not comparable with others; join their words first",
      );
    } else if (split) {
      notices.push(
        'Nearly all outputs and references end in " .", as text that was split into words does: ' +
          "their BLEU is not comparable with that of plain text",
      );
    }
  }
  const segments = references?.length ?? 0;
  if (has("cider") && segments === 1) {
    notices.push(
      "CIDEr weighs words by how few segments have them: of one segment, all weigh nothing, and the " +
        "score is 0",
    );
  }
  const empty = truths.filter((text) => text.trim() === "").length;
  if (empty > 0) {
    const what = empty === 1 ? "1 reference is" : `${empty} references are`;
    notices.push(`${what} empty: an output for it can only be wrong, or is scored by the others`);
  }
  return notices;
}

/** Whether most letters and digits are none of those that rouge_score knows. */
function isMostlyUnseen(texts: readonly string[]): boolean {
  let seen = 0, all = 0;
  for (const text of texts) {
    all += text.match(/[\p{L}\p{N}]/gu)?.length ?? 0;
    seen += text.match(/[a-z0-9]/gi)?.length ?? 0;
  }
  return seen < all / 2;
}

function endsInSplitStop(text: string): boolean {
  return text.endsWith(" .");
}

function share(texts: readonly string[], holds: (text: string) => boolean): number {
  return texts.length === 0 ? 0 : texts.filter(holds).length / texts.length;
}
