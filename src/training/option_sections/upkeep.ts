/** Options on which the weights do not depend: validation, checkpoints, card and log. */
import { boolean, nullable, number, oneOf, text } from "../../host/json_fields.ts";
import { free } from "../option.ts";
import { count, countOrNever, dtypes, OURS, PAPER } from "./value_types.ts";

/** What a best checkpoint may be best in. */
export const BEST_METRICS = ["bleu", "chrf", "loss"] as const;

const metrics = oneOf(BEST_METRICS);
const exports = oneOf(["last", "best"]);

export const UPKEEP_SECTIONS = {
  validation: {
    every: free(countOrNever, 1000, OURS, "Updates between validations; 0 never."),
    lines: free(
      countOrNever,
      200,
      OURS,
      "Lines of the development set that are translated for BLEU; 0: none, and there is no BLEU.",
    ),
    loss_lines: free(
      count,
      1000,
      OURS,
      "Pairs of the development set that the validation loss is taken over.",
    ),
    steps: free(count, 20, PAPER, "Network evaluations a line."),
    candidates: free(
      count,
      1,
      OURS,
      "Candidates a line, one of which is chosen by minimum Bayes risk.",
    ),
    patience: free(
      countOrNever,
      0,
      OURS,
      "Validations without a better checkpoints.metric after which the run ends; 0 never. It is counted anew where data.train changes.",
    ),
    samples: free(countOrNever, 5, OURS, "Generated lines that are shown."),
  },
  checkpoints: {
    every: free(countOrNever, 1000, OURS, "Updates between checkpoints; 0 never."),
    minutes: free(
      number(0, 1e6),
      10,
      OURS,
      "Minutes after which a checkpoint is due even so; 0 never.",
    ),
    keep: free(count, 2, OURS, "How many of the latest checkpoints are kept, besides the best."),
    metric: free(
      metrics,
      "bleu",
      OURS,
      "What the best checkpoint is best in: BLEU or chrF of the validation, or its loss.",
    ),
    export: free(
      exports,
      "last",
      OURS,
      "Which checkpoint becomes the model; without a validation the last does.",
    ),
    dtype: free(dtypes, "f32", OURS, "How the model's weights are stored."),
  },
  card: {
    title: free(nullable(text), null, OURS, "Name of the model; the run's name by default."),
    license: free(nullable(text), null, OURS, "Licence of the data, and so of the model."),
    data: free(
      nullable(text),
      null,
      OURS,
      "Where the data come from, with the attribution their licence asks for.",
    ),
  },
  log: {
    every: free(count, 50, OURS, "Updates between lines of log.jsonl."),
    tensorboard: free(boolean, true, OURS, "Whether to write TensorBoard event files."),
  },
} as const;
