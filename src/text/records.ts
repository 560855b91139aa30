/**
 * Reads data sets: pairs to train on, and sources with their references to score against. Reads as
 * it goes, so memory does not grow with the set.
 */

import { ExitCode, UserError } from "../errors.ts";
import { readAlignedFiles } from "./aligned_files.ts";
import { type OpenFile, openFile } from "./data_lines.ts";
import type { DataSpec, Example, Pair } from "./data_spec.ts";
import { isInPart } from "./held_out.ts";
import { readJsonLines } from "./json_lines.ts";
import { readTable } from "./tables.ts";

/**
 * The pairs of a data set in the order of the file, one for each reference.
 *
 * @param open opens the files; the default is the file system
 * @throws {UserError} at the first damaged line, for misaligned files after their last pair, and for
 * a set without pairs
 */
export async function* readPairs(
  spec: DataSpec,
  open: OpenFile = openFile,
): AsyncGenerator<Pair, void, undefined> {
  for await (const { source, references, line } of readExamples(spec, open)) {
    for (const target of references) yield { source, target, line };
  }
}

/**
 * The examples of a data set in the order of the file. Where the specification says so, equal
 * sources become one example with the references of all, in the place of the first; such a set is
 * held in memory.
 *
 * @param open opens the files; the default is the file system
 * @throws {UserError} as {@linkcode readPairs}
 */
export async function* readReferences(
  spec: DataSpec,
  open: OpenFile = openFile,
): AsyncGenerator<Example, void, undefined> {
  const examples = readExamples(spec, open);
  yield* spec.groupSources ? await groupSources(examples) : examples;
}

async function groupSources(examples: AsyncIterable<Example>): Promise<Iterable<Example>> {
  const groups = new Map<string, Example & { references: string[] }>();
  for await (const { source, references, line } of examples) {
    const group = groups.get(source);
    if (group) group.references.push(...references);
    else groups.set(source, { source, references: [...references], line });
  }
  return groups.values();
}

async function* readExamples(
  spec: DataSpec,
  open: OpenFile,
): AsyncGenerator<Example, void, undefined> {
  let empty = true;
  for await (const example of readFormat(spec, open)) {
    if (!isInPart(example.source, spec.part)) continue;
    empty = false;
    yield example;
  }
  if (empty) {
    const file = spec.format === "text" ? spec.sourceFile : spec.file;
    throw new UserError(
      ExitCode.data,
      `Cannot use "${file}" as data: there is no example in ${
        spec.part === undefined ? "it" : `the part that data.hold_out = ${spec.part.share} leaves`
      }`,
    );
  }
}

function readFormat(spec: DataSpec, open: OpenFile): AsyncIterable<Example> {
  switch (spec.format) {
    case "text":
      return readAlignedFiles(spec, open);
    case "tsv":
    case "csv":
      return readTable(spec, open);
    case "jsonl":
      return readJsonLines(spec, open);
  }
}
