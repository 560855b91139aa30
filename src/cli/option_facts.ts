/** What documentation and completions want to know of an option beyond what commander keeps. */
import type { Option } from "@commander-js/extra-typings";

/** The facts. */
interface OptionFacts {
  /** Who its default and its choices come from; absent: this project. */
  readonly source?: string;
  /** Names that its value may have among others. */
  readonly words?: readonly string[];
  /** What to do in the place of values that programs like this one have, and this one has not. */
  readonly ways?: Readonly<Record<string, string>>;
}

const facts = new WeakMap<Option, OptionFacts>();

/** Notes facts on an option. */
export function withFacts<O extends Option>(option: O, known: OptionFacts): O {
  facts.set(option, known);
  return option;
}

/** The facts on an option. */
export function factsOf(option: Option): OptionFacts {
  return facts.get(option) ?? {};
}
