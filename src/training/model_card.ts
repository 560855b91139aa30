/** The `README.md` of a trained model: what it is, what it was trained on, and how good it is. */
import type { ModelConfig } from "../denoiser/config.ts";
import { parameterCounts } from "../denoiser/parameters.ts";
import { formatDuration } from "../host/status_line.ts";
import type { RunState } from "./checkpoint.ts";
import type { TrainingConfig } from "./config.ts";
import { describeData, describeSets } from "./model_config.ts";
import type { Option } from "./option.ts";
import { OPTIONS } from "./options.ts";
import type { CacheSummary } from "./token_cache.ts";
import type { Validation } from "./validation.ts";

/** What a card tells. */
export interface CardContent {
  /** The run's name. */
  readonly name: string;
  readonly config: TrainingConfig;
  readonly model: ModelConfig;
  readonly state: RunState;
  /** The step that the weights are of: the last, or the best. */
  readonly step: number;
  readonly data: CacheSummary;
  /** The validation of these weights, with its step; absent where there was none. */
  readonly validation: (Validation & { readonly step: number }) | undefined;
  readonly command: string;
  readonly version: string;
  readonly commit: string | undefined;
}

const SHIFTED =
  "It is AR-Diffusion at its limit: a slot goes from T to 0 in one move, and several at a time can be " +
  "drafted in a network call and verified in the next. In other words, an autoregressive model that " +
  "can draft ahead.";

/** Writes a card. */
export function modelCard(content: CardContent): string {
  const { name, config, model, state, step, version, commit, command } = content;
  const { total } = parameterCounts(model.network);
  const sections = [
    `# ${config.card.title ?? name}`,
    `An AR-Diffusion model (arXiv 2305.09515) of ${formatCount(total)} parameters, trained by ` +
    `ardiff ${version}${commit === undefined ? "" : ` (commit ${commit.slice(0, 12)})`}.`,
    ...(model.network.shifted ? [SHIFTED] : []),
    "```\n" + command + "\n```",
    "## Data\n\n" + dataSection(content),
    "## Licence\n\n" + (config.card.license ??
      "Not stated: the licence of the training data governs what may be done with this model."),
    "## Training\n\n" + [
      `${formatCount(state.step)} updates over ${formatCount(state.rows)} pairs ` +
      `(${(state.rows / content.data.pairs).toFixed(1)} epochs) in ${
        formatDuration(state.seconds)
      }` +
      `${state.skipped === 0 ? "" : `; ${state.skipped} updates were left out`}.`,
      ...(step === state.step
        ? []
        : [`The weights are those of update ${formatCount(step)}, the best.`]),
      "Options that differ from the paper's (the rest are its defaults):",
    ].join(" ") + "\n\n" + optionsTable(config),
    "## Figures\n\n" + figuresSection(content),
  ];
  return sections.join("\n\n") + "\n";
}

function dataSection({ config, data }: CardContent): string {
  const lines = [
    `- Training: ${describeSets(config.data.train)}, ${formatCount(data.pairs)} pairs` +
    (data.leftOut === 0 ? "" : ` (${formatCount(data.leftOut)} more with an empty side left out)`) +
    (data.cutSources + data.cutTargets === 0
      ? ""
      : `; ${formatCount(data.cutSources)} sources and ${formatCount(data.cutTargets)} targets ` +
        "were cut"),
  ];
  if (config.data.dev !== null) lines.push(`- Development: ${describeData(config.data.dev)}`);
  if (config.card.data !== null) lines.push("", config.card.data);
  return lines.join("\n");
}

function optionsTable(config: TrainingConfig): string {
  const shown = ["tokenizer", "text", "network", "diffusion", "training"] as const;
  const rows = shown.flatMap((section) => {
    const options: Readonly<Record<string, Option<unknown>>> = OPTIONS[section];
    const values = config[section] as Readonly<Record<string, unknown>>;
    return Object.entries(options)
      .filter(([key, option]) => JSON.stringify(values[key]) !== JSON.stringify(option.default))
      .map(([key]) => `| ${section}.${key} | ${JSON.stringify(values[key])} |`);
  });
  return ["| option | value |", "|---|---|", ...rows].join("\n");
}

function figuresSection({ config, validation }: CardContent): string {
  if (config.data.dev === null) return "There was no development set.";
  if (validation === undefined) return "These weights have not been validated.";
  const { steps, candidates } = config.validation;
  const { lines = config.validation.lines } = validation;
  const rows = validation.byTimestep.map(({ from, to, mse, nll }) =>
    `| ${from}-${to - 1} | ${mse.toFixed(4)} | ${nll.toFixed(4)} |`
  );
  const samples = validation.samples.map(({ source, output }) => `- ${source}\n  → ${output}`);
  const calls = config.network.shifted
    ? "as many calls as a sentence needs"
    : `${steps} steps, grid "${config.diffusion.step_grid}"`;
  const { chrf } = validation;
  const scores = validation.bleu === null ? "" : `BLEU ${validation.bleu.toFixed(2)}` +
    `${typeof chrf === "number" ? `, chrF ${chrf.toFixed(2)}` : ""} (sacreBLEU's, ` +
    `${lines} line${lines === 1 ? "" : "s"} of the development set, ${calls}, ` +
    `${candidates} candidate${candidates === 1 ? "" : "s"}), `;
  return [
    `At step ${formatCount(validation.step)}: ${scores}loss ${validation.terms.loss.toFixed(4)}.`,
    "By timestep (squared error and rounding loss of the text's slots):",
    ["| timesteps | mse | nll |", "|---|---|---|", ...rows].join("\n"),
    ...(samples.length === 0 ? [] : ["Outputs, not selected:", samples.join("\n")]),
  ].join("\n\n");
}

function formatCount(count: number): string {
  return count.toLocaleString("en");
}
