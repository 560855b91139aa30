import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseTrainingConfig } from "../../src/training/config.ts";
import { type CardContent, modelCard } from "../../src/training/model_card.ts";
import { changed, SAMPLE_CONFIG } from "../denoiser/sample_config.ts";

const TOML = `
[data.train]
format = "tsv"
file = "data/train.tsv"

[training]
dropout = 0.1
`;

const CONTENT: CardContent = {
  name: "run",
  config: parseTrainingConfig(TOML, "run.toml"),
  model: SAMPLE_CONFIG,
  step: 1500,
  state: {
    step: 1500,
    skipped: 2,
    position: { epoch: 1, batch: 3 },
    rows: 3000,
    seconds: 4000,
    best: null,
  },
  data: {
    pairs: 2000,
    leftOut: 3,
    cutSources: 0,
    cutTargets: 7,
    longestSource: 9,
    longestTarget: 99,
  },
  validation: undefined,
  command: "ardiff train run.toml",
  version: "1.2.3",
  commit: "0123456789abcdef",
};

Deno.test("modelCard() tells data, licence, command, commit and what the run did", () => {
  const card = modelCard(CONTENT);
  for (
    const part of [
      "# run\n",
      "trained by ardiff 1.2.3 (commit 0123456789ab).",
      "```\nardiff train run.toml\n```",
      "data/train.tsv, 2,000 pairs (3 more with an empty side left out); 0 sources and 7 targets were cut",
      "Not stated: the licence of the training data governs",
      "1,500 updates over 3,000 pairs (1.5 epochs) in 1:06:40; 2 updates were left out.",
      "There was no development set.",
    ]
  ) assertStringIncludes(card, part);
});

Deno.test("modelCard() lists the options that differ from the paper's, and no others", () => {
  const rows = modelCard(CONTENT).split("\n").filter((line) => /^\| \w+\.\w+ \|/.test(line));
  assertEquals(rows, ["| training.dropout | 0.1 |"]);
});

Deno.test("modelCard() takes title, licence and attribution from the configuration", () => {
  const config = parseTrainingConfig(TOML, "run.toml", [
    "card.title=Small talk",
    "card.license=CC BY 2.0",
    "card.data=By many people.",
  ]);
  const card = modelCard({ ...CONTENT, config });
  assertStringIncludes(card, "# Small talk\n");
  assertStringIncludes(card, "## Licence\n\nCC BY 2.0\n");
  assertStringIncludes(card, "\nBy many people.\n");
});

Deno.test("modelCard() tells which update the weights are of, where it is not the last", () => {
  assertEquals(modelCard(CONTENT).includes("The weights are those of"), false);
  const card = modelCard({ ...CONTENT, step: 1200 });
  assertStringIncludes(card, "The weights are those of update 1,200, the best.");
});

Deno.test("modelCard() says what a model in the shifted layout is", () => {
  assertEquals(modelCard(CONTENT).includes("AR-Diffusion at its limit"), false);
  const model = changed(SAMPLE_CONFIG, "network.shifted", true);
  assertStringIncludes(modelCard({ ...CONTENT, model }), "It is AR-Diffusion at its limit:");
});

Deno.test("modelCard() gives the figures of the validation", () => {
  const config = parseTrainingConfig(`${TOML}\n[data.dev]\nformat = "tsv"\nfile = "d"`, "");
  assertStringIncludes(modelCard({ ...CONTENT, config }), "These weights have not been validated.");
  const card = modelCard({
    ...CONTENT,
    config,
    validation: {
      step: 1500,
      terms: { loss: 1.25, mse: 1, nll: 0.2, prior: 0.05 },
      byTimestep: [{ from: 0, to: 200, slots: 10, mse: 0.5, nll: 0.25 }],
      bleu: 12.345,
      lines: 4,
      samples: [{ source: "dog", output: "A dog.", reference: "The dog." }],
    },
  });
  assertStringIncludes(card, "At step 1,500: BLEU 12.35 (sacreBLEU's, 4 lines");
  assertStringIncludes(card, "| 0-199 | 0.5000 | 0.2500 |");
  assertStringIncludes(card, "- dog\n  → A dog.");
});
