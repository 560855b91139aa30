/**
 * The table of selectors: how one of the candidates of a line becomes its result. Help lists their
 * names, so it loads nothing.
 */

/** Which candidate is chosen; {@linkcode SELECTOR_TABLE} says of each how. */
export const SELECTORS = [
  "mbr",
  "first",
  "confidence",
  "mixture",
  "coverage",
  "rerank",
  "all",
] as const;

/** One of {@linkcode SELECTORS}. */
export type Selector = typeof SELECTORS[number];

/** What a selector can ask to be computed. */
type Need = "utility" | "confidence" | "coverage" | "reverse";

/** Scores of a candidate, as far as they were asked for. */
interface Scores {
  /** Expected utility, 0 to 1, among the candidates of its line. */
  readonly utility?: number;
  /** The model's confidence: the mean log-probability of its tokens. */
  readonly logProbability?: number;
  /** The sum of the tokens' log-probabilities by a power of their number: by default the mean. */
  readonly confidence?: number;
  /** The mean log-probability of the source's tokens, given the candidate, by a model that goes back. */
  readonly reverseLogProbability?: number;
}

/** What a choice is made by. */
interface Ballot {
  /** At least one. */
  readonly candidates: readonly Scores[];
  /** The candidate of the greatest expected utility; undefined for a lone one, or if not asked for. */
  readonly mbr: number | undefined;
  /** How many of the source's words each candidate uses; empty if not asked for. */
  readonly covered: readonly number[];
  /** The weight of confidence in a mixture with utility. */
  readonly confidenceWeight: number;
  /** The weights of confidence and of the reverse model in reranking. */
  readonly forwardWeight: number;
  readonly reverseWeight: number;
}

/** A row of the table. */
interface SelectorRow {
  /** What it goes by. */
  readonly needs: readonly Need[];
  /** The index of the chosen candidate, null where all are results. */
  readonly choose: (ballot: Ballot) => number | null;
}

/** All selectors; of several candidates that tie each takes the first. */
export const SELECTOR_TABLE: Readonly<Record<Selector, SelectorRow>> = {
  /** The candidate of the greatest expected utility (SPEC 6). */
  mbr: { needs: ["utility"], choose: ({ mbr }) => mbr ?? 0 },
  /** The first. */
  first: { needs: [], choose: () => 0 },
  /** The one the model is surest of. */
  confidence: {
    needs: ["confidence"],
    choose: ({ candidates }) => best(candidates, ({ confidence }) => confidence!),
  },
  /**
   * The greatest (1 - w) utility + w exp(mean log-probability). Both terms lie between 0 and 1: the
   * second is the geometric mean of the tokens' probabilities.
   */
  mixture: {
    needs: ["utility", "confidence"],
    choose: ({ candidates, confidenceWeight: weight }) =>
      best(
        candidates,
        ({ utility = 0, logProbability }) =>
          (1 - weight) * utility + weight * Math.exp(logProbability!),
      ),
  },
  /** Of those that use most of the source's words, in any inflection, the one the model is surest of. */
  coverage: {
    needs: ["confidence", "coverage"],
    choose: ({ candidates, covered }) => {
      const most = Math.max(...covered);
      return best(
        candidates,
        ({ confidence }, i) => covered[i] === most ? confidence! : -Infinity,
      );
    },
  },
  /** The greatest w1 confidence + w2 mean log p(source | candidate): a noisy channel. */
  rerank: {
    needs: ["confidence", "reverse"],
    choose: ({ candidates, forwardWeight, reverseWeight }) =>
      best(
        candidates,
        ({ confidence, reverseLogProbability }) =>
          forwardWeight * confidence! + reverseWeight * reverseLogProbability!,
      ),
  },
  /** None: all are results. */
  all: { needs: [], choose: () => null },
};

/** Whether a selector goes by something. */
export function needs(selector: Selector, need: Need): boolean {
  return SELECTOR_TABLE[selector].needs.includes(need);
}

function best<T>(items: readonly T[], score: (item: T, index: number) => number): number {
  const scores = items.map(score);
  return scores.indexOf(Math.max(...scores));
}
