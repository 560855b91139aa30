/**
 * Writes docs/samples.md: fifty outputs of each shipped model, taken at equal distances from its development
 * set and not selected, each beside a reference.
 *
 *     deno run --allow-read --allow-write=docs --allow-env --allow-ffi scripts/write_samples.ts
 */
import type { Example } from "../src/text/data_spec.ts";
import { readReferences } from "../src/text/records.ts";
import { Model } from "../src/mod.ts";
import { parseTrainingConfig } from "../src/training/config.ts";

const COUNT = 50;
/** Models with the options they are asked with, as for `model.generate()`. */
const MODELS = {
  "tatoeba-en-fr-small": {},
  "commongen-small": { candidates: 10, select: "coverage" },
  "e2e-small": {},
  "tatoeba-fr-en-small": {},
  "tatoeba-en-fr-paper": { steps: 5 },
} as const;

const sections = await Array.fromAsync(
  Object.entries(MODELS),
  async ([name, options]) => {
    const path = `configs/${name}.toml`;
    const { data } = parseTrainingConfig(Deno.readTextFileSync(path), path, []);
    const examples = await Array.fromAsync(readReferences(data.dev!));
    const chosen = Array.from(
      { length: COUNT },
      (_, i) => examples[Math.floor(i * examples.length / COUNT)]!,
    );
    using model = await Model.load(`models/${name}`);
    const texts = await Array.fromAsync(
      model.generate(chosen.map(({ source }) => source), options),
      ({ text }) => text,
    );
    const flags = Object.entries(options).map(([key, value]) => ` --${key} ${value}`).join("");
    return [
      `## ${name}`,
      `\`ardiff generate -m ${name}${flags}\`, ${COUNT} of ${examples.length} sources:`,
      "| source | ardiff | a reference |\n| --- | --- | --- |\n" +
      chosen.map((example, i) => row(example, texts[i]!)).join("\n"),
    ].join("\n\n");
  },
);
Deno.writeTextFileSync(
  "docs/samples.md",
  "# Fifty outputs of each model\n\nTaken at equal distances from the development sets, not selected " +
    "(`scripts/write_samples.ts` writes this page).\n\n" + sections.join("\n\n") + "\n",
);

function row({ source, references }: Example, text: string): string {
  return `| ${[source, text, references[0]!].map(cell).join(" | ")} |`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
