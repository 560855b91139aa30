/** What help and the manual page say of a command besides its options: examples and remarks. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";

/** The remarks on one command. */
interface Guide {
  /** Command lines that work in a clone of the project. */
  readonly examples: readonly string[];
  /** Paragraphs; line breaks within one are for the eye only. */
  readonly remarks?: readonly string[];
}

const guides = new WeakMap<CommandUnknownOpts, Guide>();

/** Adds a guide to a command's help. */
export function addGuide(command: CommandUnknownOpts, guide: Guide): void {
  guides.set(command, guide);
  const examples = guide.examples.map((example) => `\n  ${example}`).join("");
  const remarks = (guide.remarks ?? []).map((remark) => `\n\n${remark}`).join("");
  command.addHelpText(
    "after",
    `\n${guide.examples.length === 1 ? "Example" : "Examples"}:${examples}${remarks}`,
  );
}

/** The guide of a command. */
export function guideOf(command: CommandUnknownOpts): Guide {
  return guides.get(command) ?? { examples: [] };
}
