/** Translation edit rate (Snover et al., 2006) as sacreBLEU 2.6 defines it. */
import { expectKnownOptions, type OptionNames } from "../option_names.ts";
import { trimEnd } from "./python_text.ts";
import { checkAligned, type ReferenceLists, SegmentStatistics } from "./segment_statistics.ts";
import { SACREBLEU_VERSION, signature, type SignatureBootstrap } from "./signature.ts";
import { terEdits } from "./ter_shifts.ts";
import { type TercomOptions, tercomTokens } from "./tercom_tokenizer.ts";
import { Vocabulary } from "./vocabulary.ts";

/** sacreBLEU's options, with its defaults. */
export type TerOptions = TercomOptions;

const OPTION_NAMES: OptionNames<TerOptions> = {
  normalized: true,
  noPunct: true,
  asianSupport: true,
  caseSensitive: true,
};

/** TER's sufficient statistics per segment: fewest edits, and the mean reference length. */
export function terStatistics(
  hypotheses: readonly string[],
  references: ReferenceLists,
  options: TerOptions = {},
): SegmentStatistics {
  expectKnownOptions(options, OPTION_NAMES, "TER");
  checkAligned(hypotheses, references);
  const vocabulary = new Vocabulary();
  const tokens = (line: string) => tercomTokens(trimEnd(line), options);
  // sacreBLEU tokenizes references twice, which parts ".2" where `normalized` left it whole once.
  const referenceTokens = (line: string) => tercomTokens(tokens(line).join(" "), options);
  const statistics = new SegmentStatistics(hypotheses.length, 2);
  for (const [segment, hypothesis] of hypotheses.entries()) {
    const hypothesisWords = vocabulary.ids(tokens(hypothesis));
    const referenceWords = references[segment]!.map((line) =>
      vocabulary.ids(referenceTokens(line))
    );
    const lengths = referenceWords.reduce((sum, reference) => sum + reference.length, 0);
    const row = statistics.row(segment);
    row[0] = Math.min(...referenceWords.map((reference) => terEdits(hypothesisWords, reference)));
    row[1] = lengths / referenceWords.length;
  }
  return statistics;
}

/** TER in percent, of summed statistics; it can exceed 100. */
export function terFromStatistics(sums: Float64Array): number {
  const [edits, length] = [sums[0]!, sums[1]!];
  if (length > 0) return 100 * (edits / length);
  return edits > 0 ? 100 : 0;
}

/** Corpus TER in percent. */
export function corpusTer(
  hypotheses: readonly string[],
  references: ReferenceLists,
  options: TerOptions = {},
): number {
  return terFromStatistics(terStatistics(hypotheses, references, options).sum());
}

/** TER of one sentence in percent. */
export function sentenceTer(
  hypothesis: string,
  references: readonly string[],
  options: TerOptions = {},
): number {
  return corpusTer([hypothesis], [references], options);
}

/** The signature that sacreBLEU would print, but for the version. */
export function terSignature(
  nrefs: number | "var",
  options: TerOptions = {},
  bootstrap?: SignatureBootstrap,
): string {
  const fields = {
    case: options.caseSensitive ? "mixed" : "lc",
    tok: "tercom",
    norm: options.normalized ?? false,
    punct: !options.noPunct,
    asian: options.asianSupport ?? false,
  };
  return signature(fields, SACREBLEU_VERSION, nrefs, bootstrap);
}
