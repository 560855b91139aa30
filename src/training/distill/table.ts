/** `distill = { ... }` of a training set: how a run writes that set itself, from what it has learnt. */
import type { Fail } from "../../host/fail.ts";
import { type Fields, integer, number, oneOf, readFields, since } from "../../host/json_fields.ts";
import { KEEP, type Keep } from "./keep_names.ts";

/** How it is written; `candidates` to `top_p` are options of `ardiff generate`, others of `distill`. */
export interface DistillTable {
  /** Candidates of a source. */
  readonly candidates: number;
  /** Beams of a search, whose best texts are the candidates; 1: they are drawn. */
  readonly beam: number;
  /** Of drawing tokens: below 1 sharpens. */
  readonly temperature: number;
  /** Tokens less likely than this are not drawn. */
  readonly epsilon: number;
  /** Tokens are drawn from the likeliest that together have this probability. */
  readonly top_p: number;
  /** Which candidates become targets. */
  readonly keep: Keep;
  /** Share of the pairs taken that keep their reference, 0 to 1. */
  readonly references: number;
  /** Share of the sources that are taken, above 0, at most 1; chosen by their text. */
  readonly share: number;
}

const FIELDS: Fields<DistillTable> = {
  candidates: since(integer(1, 100_000), 5),
  beam: since(integer(1, 1024), 1),
  temperature: since(number(0.01, 100), 0.7),
  epsilon: since(number(0, 1), 0.05),
  top_p: since(number(0, 1), 1),
  keep: since(oneOf(KEEP), "nearest"),
  references: since(number(0, 1), 0),
  share: since(number(0.001, 1), 1),
};

/**
 * Reads the table.
 *
 * @param path its place in the configuration, for messages
 */
export function parseDistillTable(value: unknown, path: string, fail: Fail): DistillTable {
  const table = readFields(value, FIELDS, path, fail);
  const { beam, candidates } = table;
  if (beam > 1 && candidates > beam) {
    fail(
      `"${path}.candidates" is ${candidates}, but a search of ${beam} beams has only so many texts`,
    );
  }
  return table;
}
