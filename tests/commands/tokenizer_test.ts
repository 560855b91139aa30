import { assertEquals, assertRejects } from "@std/assert";
import { trainTokenizer } from "../../src/commands/tokenizer.ts";
import { UserError } from "../../src/errors.ts";
import { parseTokenizer } from "../../src/text/parse_tokenizer.ts";
import { withFolder } from "../denoiser/test_files.ts";

function collect() {
  const io = { text: "", stdout() {}, stderr: (text: string) => void (io.text += text) };
  return io;
}

Deno.test(
  "trainTokenizer() learns from all files and writes a tokenizer.json",
  withFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/a`, "snow snow snow\n");
    Deno.writeTextFileSync(`${folder}/b`, "boat boat boat\n");
    const io = collect();
    const output = `${folder}/tokenizer.json`;
    await trainTokenizer({ input: [`${folder}/a`, `${folder}/b`], vocabSize: 280, output }, io);
    const tokenizer = await parseTokenizer(Deno.readTextFileSync(output), output);
    assertEquals(tokenizer.encode("snow boat").length, 2);
    assertEquals(
      io.text,
      `Wrote ${tokenizer.vocabSize} tokens to "${output}" (the text has no more pairs to merge).\n`,
    );
  }),
);

Deno.test(
  "trainTokenizer() names a file that it cannot read and writes nothing",
  withFolder(async (folder) => {
    const output = `${folder}/tokenizer.json`;
    const options = { input: [`${folder}/nothing`], vocabSize: 300, output };
    await assertRejects(
      () => trainTokenizer(options, collect()),
      UserError,
      "there is no such file",
    );
    assertEquals([...Deno.readDirSync(folder)], []);
  }),
);
