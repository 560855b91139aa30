/** `ardiff tokenizer train`: a vocabulary from text files. */
import { tell } from "../host/messages.ts";
import { openOutput } from "../host/streams.ts";
import { trainBpe } from "../text/bpe_trainer.ts";
import { openFile, readDataLines } from "../text/data_lines.ts";
import type { NormalizerName } from "../text/normalizer.ts";
import { parseTokenizer } from "../text/parse_tokenizer.ts";

/** Options of {@linkcode trainTokenizer}. */
interface TokenizerTrainOptions {
  /** Text files, all of whose lines are used: both sides, where they are to share a vocabulary. */
  readonly input: readonly string[];
  /** Tokens to train. */
  readonly vocabSize: number;
  /** Pairs of tokens seen less often are not merged. Default 2. */
  readonly minFrequency?: number;
  /** Applied to text in this order, now and whenever the tokenizer is used. Default none. */
  readonly normalizers?: readonly NormalizerName[];
  /** The tokenizer.json to write. */
  readonly output: string;
}

/** The streams of the process, or of a test. */
interface TokenizerIo {
  stdout(text: string): void | Promise<void>;
  stderr(text: string): void;
}

/**
 * Trains byte-level BPE and writes it in Hugging Face's form.
 *
 * @throws {UserError} where a file cannot be read or written, or the vocabulary is too small
 */
export async function trainTokenizer(
  { input, output, ...options }: TokenizerTrainOptions,
  io: TokenizerIo,
): Promise<void> {
  const json = await trainBpe(linesOf(input), options);
  const { vocabSize } = await parseTokenizer(json, output);
  using file = await openOutput(output, io);
  await file.write(json);
  file.finish();
  const fewer = vocabSize < options.vocabSize ? " (the text has no more pairs to merge)" : "";
  tell(io, `Wrote ${vocabSize} tokens to "${output}"${fewer}.`);
}

async function* linesOf(paths: readonly string[]): AsyncGenerator<string> {
  for (const path of paths) {
    for await (const { text } of readDataLines(path, openFile)) yield text;
  }
}
