import { assertEquals } from "@std/assert";
import { trainBpe } from "../../src/text/bpe_trainer.ts";
import { parseTokenizer } from "../../src/text/parse_tokenizer.ts";
import { readValidationSet } from "../../src/training/validation_set.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";
import { withFolder } from "../denoiser/test_files.ts";

Deno.test(
  "readValidationSet() takes evenly spaced lines and pairs, with all references of a line",
  withFolder(async (folder) => {
    const file = `${folder}/dev.jsonl`;
    const lines = Array.from(
      { length: 10 },
      (_, i) => JSON.stringify({ source: `s${i}`, target: [`a${i}`, `b${i}`] }),
    );
    Deno.writeTextFileSync(file, lines.join("\n"));
    const json = await trainBpe(lines, { vocabSize: 300, minFrequency: 1 });
    const tokenizer = await parseTokenizer(json, "tokenizer.json");
    const text = {
      ...SAMPLE_CONFIG.text,
      length: "fixed",
      slots_by_source: null,
      target_slots: 8,
      bos_id: null,
      eos_id: tokenizer.special.eos,
    } as const;
    const read = (lines: number, loss_lines: number) =>
      readValidationSet(
        { format: "jsonl", file, source: "source", target: "target", groupSources: false },
        tokenizer,
        { ...SAMPLE_CONFIG, text },
        { lines, loss_lines },
      );
    const some = await read(3, 4);
    assertEquals(some.examples.map(({ source, references }) => [source, ...references]), [
      ["s0", "a0", "b0"],
      ["s3", "a3", "b3"],
      ["s6", "a6", "b6"],
    ]);
    const targets = (set: typeof some) =>
      set.groups.flatMap(({ pairs }) =>
        pairs.map(({ target }) => tokenizer.decode([...target].slice(0, -1)))
      );
    assertEquals(targets(some), ["a0", "b2", "a5", "b7"]);
    const all = await read(100, 100);
    assertEquals([all.examples.length, targets(all).length], [10, 20]);
  }),
);
