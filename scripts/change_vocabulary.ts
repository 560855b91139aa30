/**
 * Gives a model another vocabulary, so that training can go on with it (`training.start_from`).
 *
 *     deno run --allow-read --allow-write scripts/change_vocabulary.ts OUTPUT MODEL TOKENIZER
 *
 * A token that both vocabularies have keeps its embeddings and its bias; another starts from the mean of
 * those of the model's tokens that it is made of, cut off its head greedily, the longest first. Both are
 * byte-level vocabularies, so there always are some. All else is the model's; weights are stored as
 * bfloat16.
 */
import { loadModelFolder, writeModelFolder } from "../src/denoiser/model_folder.ts";
import { toFloat32 } from "../src/denoiser/tensors.ts";

/** Tensors with one row to a token. */
const TABLES = [
  "word_embedding.weight",
  "lm_head.bias",
  "encoder.embeddings.word_embeddings.weight",
];

/** Ids of the tokens of `vocabulary` that `token` is made of. */
export function piecesOf(token: string, vocabulary: ReadonlyMap<string, number>): number[] {
  const ids: number[] = [];
  for (let start = 0; start < token.length;) {
    let end = token.length;
    while (end > start && !vocabulary.has(token.slice(start, end))) end--;
    if (end === start) {
      throw new Error(`The model has no token for the head of "${token.slice(start)}"`);
    }
    ids.push(vocabulary.get(token.slice(start, end))!);
    start = end;
  }
  return ids;
}

/** A table of the new vocabulary: each row the mean of the rows that `pieces` names. */
export function meanRows(table: Float32Array, width: number, pieces: readonly number[][]) {
  const rows = new Float32Array(pieces.length * width);
  for (const [row, ids] of pieces.entries()) {
    for (let i = 0; i < width; i++) {
      rows[row * width + i] = ids.reduce((sum, id) => sum + table[id * width + i]!, 0) / ids.length;
    }
  }
  return rows;
}

/** Tokens of a tokenizer.json by id. */
function vocabularyOf(json: string): Map<string, number> {
  const { model, added_tokens } = JSON.parse(json);
  const added = added_tokens.map((
    { content, id }: { content: string; id: number },
  ) => [content, id]);
  return new Map([...Object.entries(model.vocab as Record<string, number>), ...added]);
}

if (import.meta.main) {
  const [output, path, tokenizer] = Deno.args;
  if (output === undefined || path === undefined || tokenizer === undefined) {
    throw new Error("Give the folder to write, a model folder and a tokenizer.json");
  }
  const folder = loadModelFolder(path);
  const tokenizerJson = Deno.readTextFileSync(tokenizer);
  const before = vocabularyOf(folder.tokenizerJson!), after = vocabularyOf(tokenizerJson);
  const pieces: number[][] = [];
  for (const [token, id] of after) pieces[id] = piecesOf(token, before);
  const { config } = folder;
  writeModelFolder(output, {
    config: { ...config, network: { ...config.network, vocabulary_size: after.size } },
    values: (name) => {
      const values = toFloat32(folder.tensors.get(name)!);
      return TABLES.includes(name)
        ? meanRows(values, values.length / config.network.vocabulary_size, pieces)
        : values;
    },
    dtype: "BF16",
    tokenizerJson,
  });
}
