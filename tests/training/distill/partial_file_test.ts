import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../../src/errors.ts";
import { PartialFile } from "../../../src/training/distill/partial_file.ts";
import { withFolder } from "../../denoiser/test_files.ts";

const open = (path: string, settings: Record<string, unknown> = { k: 4 }) =>
  new PartialFile<{ blocks: number }>(path, settings, { blocks: 0 });

const names = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

Deno.test(
  "a partial file goes on after its last block, whatever was written behind it",
  withFolder((folder) => {
    const path = `${folder}/out.tsv`;
    {
      using file = open(path);
      file.add("one\n", { blocks: 1 });
      file.add("twö\n", { blocks: 2 });
    }
    // As a kill in the middle of a write leaves it.
    Deno.writeTextFileSync(`${path}.partial`, "hal", { append: true });
    {
      using file = open(path);
      assertEquals(file.state, { blocks: 2 });
      file.add("three\n", { blocks: 3 });
      let sealed = "";
      file.finish((where) => sealed = Deno.readTextFileSync(where));
      assertEquals(sealed, "one\ntwö\nthree\n");
    }
    assertEquals(Deno.readTextFileSync(path), "one\ntwö\nthree\n");
    assertEquals(names(folder), ["out.tsv"]);
  }),
);

Deno.test(
  "a partial file that has lost a part, or says nothing of itself, begins anew",
  withFolder((folder) => {
    const path = `${folder}/out.tsv`;
    {
      using file = open(path);
      file.add("one\ntwo\n", { blocks: 1 });
    }
    Deno.truncateSync(`${path}.partial`, 3);
    {
      using file = open(path);
      assertEquals(file.state, { blocks: 0 });
      file.add("one\n", { blocks: 1 });
    }
    Deno.writeTextFileSync(`${path}.partial.json`, "{");
    using file = open(path);
    assertEquals(file.state, { blocks: 0 });
    assertEquals(Deno.statSync(`${path}.partial`).size, 0);
  }),
);

Deno.test(
  "a partial file is not gone on with by other settings, nor by two at once",
  withFolder((folder) => {
    const path = `${folder}/out.tsv`;
    using file = open(path);
    file.add("one\n", { blocks: 1 });
    const changed = assertThrows(() => open(path, { k: 8 }), UserError).message;
    assertStringIncludes(changed, `"k" was 4 when it was begun and is now 8`);
    assertStringIncludes(
      assertThrows(() => open(path, { k: 4, more: true }), UserError).message,
      `"more" was none`,
    );
    assert(Deno.readTextFileSync(`${path}.partial`) === "one\n");
  }),
);
