/**
 * Generates candidates, shows how the first one settled, and chooses among them by minimum Bayes risk:
 *
 *     deno run --allow-read --allow-ffi --allow-env examples/generate.ts MODEL "dog frisbee catch" ...
 */
// deno-lint-ignore-file no-console -- an example prints
import { mbr, Model, traceAsText } from "../src/mod.ts";

const [folder, ...lines] = Deno.args;
if (folder === undefined || lines.length === 0) {
  console.error("Give a model folder and one line or more.");
  Deno.exit(2);
}

using model = await Model.load(folder);
const results = model.generate(lines, {
  steps: 5,
  candidates: 4,
  select: "all", // the choice is made below
  trace: true,
});
for await (const result of results) {
  console.log(traceAsText(result, (id) => model.tokenizer.tokenText(id)));
  const texts = result.candidates.map(({ text }) => text);
  const { index, expectedUtility } = mbr(texts, { utility: "chrf" });
  for (const [i, text] of texts.entries()) {
    console.log(`${i === index ? ">" : " "} ${expectedUtility[i]!.toFixed(3)} ${text}`);
  }
  console.log();
}
