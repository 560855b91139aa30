/** Templates: texts with a gap, and how a model is asked to fill it. */
import { ExitCode, UserError } from "../errors.ts";
import { fillHole, HOLE, holeSource, parseTemplate, type Template } from "../text/holes.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { GenerationRequest } from "./constraints.ts";
import type { LoadedModel } from "./loaded_model.ts";
import type { Candidate } from "./sample.ts";

/** What a model is asked, and what its answer fills: undefined where that is the whole text. */
interface Question {
  readonly request: GenerationRequest;
  readonly template: Template | undefined;
}

/**
 * What a line's template asks of a model. A gap at the end is a prefix.
 *
 * @throws {UserError} where the model has not learnt to fill gaps
 */
export function questionOf(
  model: LoadedModel,
  request: GenerationRequest,
  standard: string | undefined,
): Question {
  const text = request.template ?? standard;
  const template = text === undefined ? undefined : parseTemplate(text);
  if (template === undefined) return { request, template };
  if (template.right.trim() === "") {
    return { request: { ...request, prefix: template.left }, template: undefined };
  }
  if (!knowsHoles(model.tokenizer)) {
    throw new UserError(
      ExitCode.usage,
      `Cannot fill the gap of "${text}" with this model: it has not learnt from pairs with holes ` +
        `(deno task paragraphs), as its tokenizer has no token for a gap ${HOLE}`,
    );
  }
  return {
    request: { ...request, prefix: "", source: holeSource(request.source, template) },
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
    text: fillHole(template, candidate.text),
  }));
}
