/**
 * Trains for some updates, generates for lines that the model has not seen, and scores the outcome:
 *
 *     deno run --allow-read --allow-write --allow-ffi --allow-env \
 *       examples/train_and_score.ts CONFIG OUTPUT UPDATES DEV.TSV
 */
// deno-lint-ignore-file no-console -- an example prints
import { formatReport, Model, score, train } from "../src/mod.ts";

const [config, output, updates, dev] = Deno.args;
if (config === undefined || output === undefined || updates === undefined || dev === undefined) {
  console.error("Give a configuration, a folder, a number of updates and a file of pairs.");
  Deno.exit(2);
}

const folder = await train(config, { output, maxSteps: Number(updates) }, {
  stderr: (text) => console.error(text.trimEnd()),
  interactive: false,
});

const pairs = Deno.readTextFileSync(dev).trimEnd().split("\n")
  .map((row) => row.split("\t") as [source: string, target: string]);
using model = await Model.load(folder);
const results = await Array.fromAsync(
  model.generate(pairs.map(([source]) => source), { steps: 5 }),
);
const report = score({
  systems: [{ name: folder, hypotheses: results.map(({ text }) => text) }],
  references: pairs.map(([, target]) => [target]),
}, { metrics: ["bleu", "chrf"] });
console.log(formatReport(report));
