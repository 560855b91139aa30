/** Templates: texts with gaps, and how a model is asked to fill them. */
import { ExitCode, UserError } from "../errors.ts";
import {
  fillHoles,
  hasAdjacentHoles,
  HOLE,
  holeSource,
  parseTemplate,
  type Template,
} from "../text/holes.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { GenerationRequest } from "./constraints.ts";
import type { LoadedModel } from "./loaded_model.ts";
import type { GenerationValues } from "./options.ts";
import type { Candidate } from "./sample.ts";

/** What a model is asked, and what its answer fills: undefined where that is the whole text. */
interface Question {
  readonly request: GenerationRequest;
  readonly template: Template | undefined;
}

/**
 * What a line's template asks of a model. A single gap at the end is a prefix.
 *
 * @throws {UserError} where the model has not learnt to fill gaps, or options do not go with them
 */
export function questionOf(
  model: LoadedModel,
  request: GenerationRequest,
  options: Pick<GenerationValues, "template" | "beam" | "steps">,
): Question {
  const text = request.template ?? options.template;
  const template = text === undefined ? undefined : parseTemplate(text);
  if (text === undefined || template === undefined) return { request, template: undefined };
  const [prefix = "", ...others] = template.texts;
  if (others.length === 1 && others[0]!.trim() === "") {
    return { request: { ...request, prefix }, template: undefined };
  }
  const refuse = (reason: string): never => {
    throw new UserError(ExitCode.usage, `Cannot fill the gaps of "${text}" ${reason}`);
  };
  if (hasAdjacentHoles(template)) {
    refuse("where one follows another: put a word between them, or make them one");
  }
  // Slots that see both sides need not have learnt from holes.
  if (!model.config.network.shifted) return { request, template };
  if (!knowsHoles(model.tokenizer)) {
    refuse(
      "with this model: it has not learnt from pairs with holes (deno task paragraphs), as its " +
        `tokenizer has no token for a gap ${HOLE}`,
    );
  }
  const { beam, steps } = options;
  if (others.length > 1 && beam > 1) {
    refuse(`with --beam ${beam}: a search fills one gap; leave --beam out`);
  }
  if (steps !== "auto" && steps < others.length) {
    refuse(`in --steps ${steps}: each of them takes a network call or more`);
  }
  return {
    request: { ...request, source: holeSource(request.source, template) },
    template,
  };
}

/** Whether a tokenizer has learnt the mark of a hole, which stands in every training pair with one. */
function knowsHoles(tokenizer: Tokenizer): boolean {
  return tokenizer.encode(`a ${HOLE}`).length - tokenizer.encode("a").length === 1;
}

/** Candidates with what they fill around them. */
export function filled(candidates: readonly Candidate[], template: Template): Candidate[] {
  return candidates.map((candidate) => ({
    ...candidate,
    text: fillHoles(template, fillsOf(candidate.text)),
  }));
}

/** What an answer fills the gaps with: marks stand before and behind each. */
function fillsOf(answer: string): string[] {
  return answer.split(HOLE).filter((_, i) => i % 2 === 1).map((fill) => fill.trim());
}
