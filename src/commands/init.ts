/** `ardiff init`: a configuration for data that it looks at. */
import { tell } from "../host/messages.ts";
import { initialConfiguration } from "../training/init/init.ts";
import type { Task } from "../training/init/recipe.ts";
import { type Columns, pairTable } from "./pair_files.ts";

/** Options of {@linkcode init}. */
export interface InitCommandOptions {
  /** Two aligned files, a line a text. */
  readonly source?: string;
  readonly target?: string;
  /** In their place: a table of pairs, or JSON lines. */
  readonly data?: string;
  /** A development set: a file as `data`, or two as `source` and `target`. */
  readonly dev?: readonly string[];
  /** Where the sides lie in tables and JSON lines. */
  readonly columns?: Columns;
  readonly task?: Task;
  readonly minutes: number;
  readonly threads: number;
}

/** The streams of the process, or of a test. */
interface InitIo {
  stdout(text: string): void | Promise<void>;
  stderr(text: string): void;
}

/**
 * Prints a configuration; what was found goes to the error output.
 *
 * @throws {UserError} where files are missing from the command line, or cannot be read
 */
export async function init(options: InitCommandOptions, io: InitIo): Promise<void> {
  const { source, target, data, dev, columns, task, minutes, threads } = options;
  const named = [source, target, data].filter((path) => path !== undefined);
  const train = pairTable(
    data === undefined ? named : data === named[0] ? [data] : [],
    "--source and --target, or --data",
    columns,
  );
  const tables = { train, dev: dev && pairTable(dev, "--dev", columns) };
  const text = await initialConfiguration(
    { data: tables, task, minutes, threads },
    (line) => void tell(io, line),
  );
  await io.stdout(text);
}
