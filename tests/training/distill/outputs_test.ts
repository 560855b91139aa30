import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../../src/errors.ts";
import { readOutputs } from "../../../src/training/distill/outputs.ts";
import { withFolder } from "../../denoiser/test_files.ts";

/** Reads outputs that are written into a file of a name. */
async function read(folder: string, name: string, text: string, lines = 2) {
  Deno.writeTextFileSync(`${folder}/${name}`, text);
  return await Array.fromAsync(readOutputs(`${folder}/${name}`, lines));
}

Deno.test(
  "readOutputs() reads plain lines, n-best lists and JSON lines",
  withFolder(async (folder) => {
    const expected = [["a b", "c"], ["d", "e"]];
    assertEquals(await read(folder, "plain.txt", "a b\nc\nd\ne\n"), expected);
    assertEquals(
      await read(
        folder,
        "nbest.txt",
        "0 ||| a b ||| F= -1 ||| -3\n0 ||| c\n2 ||| d ||| x\n2 ||| e\n",
      ),
      [["a b", "c"], [], ["d", "e"]],
    );
    assertEquals(
      await read(
        folder,
        "lines.jsonl",
        '{"candidates": ["a b", {"text": "c", "p": 1}], "text": "c"}\n{"text": "d"}\n',
      ),
      [["a b", "c"], ["d"]],
    );
  }),
);

Deno.test(
  "readOutputs() names the line that it cannot use",
  withFolder(async (folder) => {
    const failure = (name: string, text: string, part: string) =>
      assertRejects(() => read(folder, name, text), UserError, part);
    await failure("plain.txt", "a\nb\nc\n", "its last 1 lines are no whole pair: expected 2");
    await failure("nbest.txt", "1 ||| a\n0 ||| b\n", 'line 2: expected "NUMBER ||| text');
    await failure("nbest.txt", "0 ||| a\nb\n", 'line 2: expected "NUMBER ||| text');
    await failure("lines.jsonl", "a\n", "line 1: it is not valid JSON");
    await failure("empty.txt", "", "it is empty");
  }),
);
