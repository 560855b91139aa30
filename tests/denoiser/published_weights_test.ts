import { assertEquals, assertThrows } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import { readTextFile } from "../../src/host/files.ts";
import { readPublishedWeights } from "../../src/denoiser/published_weights.ts";
import { floatTensor, writeSafetensors } from "../../src/denoiser/safetensors.ts";
import { toFloat32 } from "../../src/denoiser/tensors.ts";
import { withFolder } from "./test_files.ts";

/** Writes tensors of one value. */
function write(path: string, tensors: Record<string, number>): string {
  const list = Object.entries(tensors).map(([name, value]) =>
    floatTensor(name, [1], () => Float32Array.of(value), "F32")
  );
  writeSafetensors(path, list);
  return path;
}

function valuesOf(path: string): Record<string, number> {
  const { tensors } = readPublishedWeights(path);
  return Object.fromEntries([...tensors].map(([name, tensor]) => [name, toFloat32(tensor)[0]!]));
}

Deno.test(
  "readPublishedWeights() leaves wrappers' prefixes out of safetensors, beside other entries too",
  withFolder((folder) => {
    const names = { "module.a": 1, "module._orig_mod.b": 2, c: 3 };
    assertEquals(valuesOf(write(`${folder}/x.safetensors`, names)), { a: 1, b: 2, c: 3 });
    // Where a bare name is taken, both stay to be told apart.
    const taken = { "module.a": 1, a: 2 };
    assertEquals(valuesOf(write(`${folder}/y.safetensors`, taken)), { "module.a": 1, a: 2 });
  }),
);

Deno.test(
  "readPublishedWeights() reads several files by their index",
  withFolder((folder) => {
    write(`${folder}/m-00001-of-00002.safetensors`, { "module.a": 1 });
    write(`${folder}/m-00002-of-00002.safetensors`, { b: 2 });
    const index = `${folder}/model.safetensors.index.json`;
    const writeIndex = (map: Record<string, unknown>) =>
      Deno.writeTextFileSync(index, JSON.stringify({ metadata: {}, weight_map: map }));
    const [one, two] = ["m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"];
    writeIndex({ "module.a": one, b: two });
    assertEquals(valuesOf(index), { a: 1, b: 2 });
    writeIndex({ a: two });
    assertThrows(() => valuesOf(index), UserError, `tensor "a" is not in "${two}"`);
    for (const file of [`../${one}`, "/etc/passwd", 3, "x.bin"]) {
      writeIndex({ a: file });
      assertThrows(() => valuesOf(index), UserError, "in the same folder");
    }
    writeIndex({ a: "none.safetensors" });
    assertThrows(() => valuesOf(index), UserError, "no such file");
  }),
);

Deno.test(
  "readPublishedWeights() takes the output layer's matrix where averaging left two, and says so",
  withFolder((folder) => {
    const path = `${folder}/averaged.safetensors`;
    write(path, { "word_embedding.weight": 1, "lm_head.weight": 2 });
    const { tensors, notes } = readPublishedWeights(path);
    assertEquals(toFloat32(tensors.get("word_embedding.weight")!)[0], 2);
    assertEquals(notes.length, 1);
    assertEquals(notes[0]!.startsWith('Took "lm_head.weight" for "word_embedding.weight"'), true);
    write(path, { "word_embedding.weight": 1, "lm_head.weight": 1 });
    assertEquals(readPublishedWeights(path).notes, []);
    write(path, { "lm_head.weight": 2 });
    assertEquals(valuesOf(path)["word_embedding.weight"], 2);
  }),
);

Deno.test(
  "files that stand in another's place are recognised",
  withFolder((folder) => {
    const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    const page = "\n<!DOCTYPE html><html><body>Virus scan warning</body></html>";
    for (const [text, message] of [[pointer, "git lfs pull"], [page, "web page"]] as const) {
      for (const name of ["x.pt", "x.safetensors", "config.json"]) {
        const path = `${folder}/${name}`;
        Deno.writeTextFileSync(path, text);
        const error = assertThrows(() => readPublishedWeights(path), UserError, message);
        assertEquals(error.exitCode, ExitCode.model);
        assertThrows(() => readTextFile(path), UserError, message);
      }
    }
  }),
);

Deno.test(
  "a named pipe is refused, not waited for",
  withFolder((folder) => {
    const made = new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).outputSync();
    assertEquals(made.success, true);
    assertThrows(() => readPublishedWeights(`${folder}/pipe`), UserError, "not a regular file");
    assertThrows(() => readTextFile(`${folder}/pipe`), UserError, "not a regular file");
  }),
);
