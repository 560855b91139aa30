/**
 * Writes a configuration for data that it looks at: one that learns, on this machine, in the time that
 * is given.
 */
import { ExitCode, UserError } from "../../errors.ts";
import { trainBpe } from "../../text/bpe_trainer.ts";
import { parseDataSpec } from "../../text/data_spec.ts";
import { parseTokenizer } from "../../text/parse_tokenizer.ts";
import { readPairs } from "../../text/records.ts";
import { VERSION } from "../../version.ts";
import { parseTrainingConfig, type TrainingConfig } from "../config.ts";
import { configurationText, type DataTables } from "./configuration.ts";
import { describeCost, describeData, warnings } from "./findings.ts";
import { type Cost, measureUpdates } from "./measure.ts";
import {
  guessTask,
  isWorthIt,
  largestFor,
  limitsFor,
  NETWORKS,
  type Recipe,
  recipeFor,
  type Task,
  type TokenLengths,
  updatesWithin,
  vocabularySize,
} from "./recipe.ts";
import { type Survey, Surveyor } from "./survey.ts";

/** What a configuration is wanted for. */
interface InitOptions {
  readonly data: DataTables;
  /** Without one it is guessed. */
  readonly task: Task | undefined;
  /** Minutes that the training may take. */
  readonly minutes: number;
  /** CPU threads; 0: all. */
  readonly threads: number;
}

/** Pairs that are measured on: batches of all lengths, but no more than a moment's work to prepare. */
const MEASURED_PAIRS = 1280;

/**
 * Makes a configuration.
 *
 * @param say told what is found, a line at a time
 * @returns its text, TOML
 * @throws {UserError} where the data cannot be read or hold no pair
 */
export async function initialConfiguration(
  options: InitOptions,
  say: (line: string) => void,
): Promise<string> {
  const survey = await surveyOf(options.data);
  const task = options.task ?? guessTask(survey);
  say(`Making a tokenizer of ${survey.sample.length.toLocaleString("en")} pairs.`);
  const tokenizerJson = await trainBpe(
    survey.sample.flatMap(({ source, target }) => [source, target]),
    { vocabSize: vocabularySize(survey, task) },
  );
  const tokenizer = await parseTokenizer(tokenizerJson, "tokenizer.json");
  const lengthsOf = (side: "source" | "target") =>
    survey.sample.map((pair) => tokenizer.encode(pair[side]).length + 1);
  const lengths: TokenLengths = { sources: lengthsOf("source"), targets: lengthsOf("target") };
  for (const line of describeData(survey, lengths)) say(line);
  const { recipe, cost } = await choose(options, survey, task, tokenizerJson, lengths);
  const [costs, doubts] = [describeCost(recipe, cost), warnings(survey, recipe, lengths)];
  for (const line of [...costs, ...doubts]) say(line);
  const head = [
    `Written by \`ardiff init\` (ardiff ${VERSION}), to ${task} in ${options.minutes} minutes.`,
    "",
    ...describeData(survey, lengths),
    ...costs,
    ...doubts,
  ];
  return configurationText(recipe, options.data, head, options.threads);
}

/** @throws {UserError} where no pair has text on both sides */
async function surveyOf({ train }: DataTables): Promise<Survey> {
  const surveyor = new Surveyor();
  for await (const pair of readPairs(parseDataSpec(train, "data.train"))) surveyor.add(pair);
  const survey = surveyor.survey();
  if (survey.pairs > 0) return survey;
  throw new UserError(
    ExitCode.data,
    `Cannot make a configuration: each of the ${survey.emptyPairs} pairs has an empty side`,
  );
}

/** The largest network that gets the updates that it needs, as measured. */
async function choose(
  { data, minutes, threads }: InitOptions,
  survey: Survey,
  task: Task,
  tokenizerJson: string,
  lengths: TokenLengths,
): Promise<{ recipe: Recipe; cost: Cost }> {
  const meanTokens = meanOf(lengths.sources) + meanOf(lengths.targets);
  const limits = limitsFor(lengths);
  for (let place = largestFor(survey.pairs);; place--) {
    const recipeOf = (updates: number) =>
      recipeFor({
        survey,
        task,
        size: NETWORKS[place]!,
        updates,
        vocabularySize: vocabularySize(survey, task),
        limits,
        hasDevelopmentSet: data.dev !== undefined,
      });
    const cost = await measureUpdates({
      config: configOf(recipeOf(1), data, threads),
      tokenizerJson,
      pairs: survey.sample.slice(0, MEASURED_PAIRS),
      meanTokens,
      seconds: Math.min(4, minutes * 60 / 50),
      threads: threads || navigator.hardwareConcurrency,
    });
    if (place > 0 && !isWorthIt(place, minutes, cost.secondsPerUpdate)) continue;
    return {
      recipe: recipeOf(updatesWithin(minutes, cost.secondsPerUpdate, survey.pairs)),
      cost,
    };
  }
}

/** A recipe as `ardiff train` will read it. */
function configOf(recipe: Recipe, data: DataTables, threads: number): TrainingConfig {
  return parseTrainingConfig(configurationText(recipe, data, [], threads), "configuration");
}

function meanOf(lengths: ArrayLike<number>): number {
  return Array.from(lengths).reduce((sum, length) => sum + length, 0) / lengths.length;
}
