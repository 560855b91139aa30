import { assert, assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import type { DataSpec } from "../../src/text/data_spec.ts";
import { isInPart, uniformOf } from "../../src/text/held_out.ts";
import { readPairs, readReferences } from "../../src/text/records.ts";
import { withFolder } from "../denoiser/test_files.ts";

Deno.test("a part of sources has about its share of them, and the rest has the others", () => {
  const sources = Array.from({ length: 20_000 }, (_, i) => `source ${i}`);
  for (const share of [0.01, 0.2]) {
    const held = sources.filter((source) => isInPart(source, { share, heldOut: true }));
    const expected = share * sources.length;
    assert(Math.abs(held.length - expected) < 4 * Math.sqrt(expected), `${held.length}`);
    const rest = new Set(sources.filter((source) => isInPart(source, { share, heldOut: false })));
    assertEquals(rest.size, sources.length - held.length);
    assert(held.every((source) => !rest.has(source)));
  }
  assert(isInPart("anything", undefined));
});

Deno.test("uniformOf() spreads texts that hardly differ", () => {
  const numbers = Array.from({ length: 1000 }, (_, i) => uniformOf("a".repeat(i)));
  assertEquals(new Set(numbers).size, 1000);
  const mean = numbers.reduce((sum, number) => sum + number, 0) / 1000;
  assert(Math.abs(mean - 0.5) < 0.05, `${mean}`);
});

Deno.test(
  "a data set is read in parts that share no source",
  withFolder(async (folder) => {
    const lines = Array.from({ length: 400 }, (_, i) => `source ${i % 200}\ttarget ${i}\n`);
    Deno.writeTextFileSync(`${folder}/all.tsv`, lines.join(""));
    const spec = (part?: { share: number; heldOut: boolean }): DataSpec => ({
      format: "tsv",
      file: `${folder}/all.tsv`,
      source: 1,
      target: 2,
      header: false,
      delimiter: "\t",
      groupSources: part?.heldOut ?? false,
      ...(part && { part }),
    });
    const held = await Array.fromAsync(readReferences(spec({ share: 0.1, heldOut: true })));
    const rest = await Array.fromAsync(readPairs(spec({ share: 0.1, heldOut: false })));
    assert(held.length > 5 && held.length < 40, `${held.length}`);
    assert(held.every(({ references }) => references.length === 2));
    assertEquals(rest.length + 2 * held.length, 400);
    const trained = new Set(rest.map(({ source }) => source));
    assert(held.every(({ source }) => !trained.has(source)));
    await assertRejects(
      () => Array.fromAsync(readPairs(spec({ share: 0.0001, heldOut: true }))),
      UserError,
      "no example in the part that data.hold_out = 0.0001 leaves",
    );
  }),
);
