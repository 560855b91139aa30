/** `ardiff init`: a configuration for data that it looks at. */
import { ExitCode, UserError } from "../errors.ts";
import { tell } from "../host/messages.ts";
import type { DataTable } from "../training/config.ts";
import { initialConfiguration } from "../training/init/init.ts";
import type { Task } from "../training/init/recipe.ts";

/** Options of {@linkcode init}. */
export interface InitCommandOptions {
  /** Two aligned files, a line a text. */
  readonly source?: string;
  readonly target?: string;
  /** In their place: a table of pairs, or JSON lines. */
  readonly data?: string;
  /** A development set: a file as `data`, or two as `source` and `target`. */
  readonly dev?: readonly string[];
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
  const { source, target, data, dev, task, minutes, threads } = options;
  const train = tableOf([source, target, data].filter((path) => path !== undefined), {
    isWhole: data !== undefined ? source === undefined && target === undefined : true,
    option: "--source and --target, or --data",
  });
  const tables = {
    train,
    dev: dev && tableOf(dev, { isWhole: true, option: "--dev" }),
  };
  const text = await initialConfiguration(
    { data: tables, task, minutes, threads },
    (line) => void tell(io, line),
  );
  await io.stdout(text);
}

/** A data set of one file or two, as a configuration describes it. */
function tableOf(
  paths: readonly string[],
  { isWhole, option }: { readonly isWhole: boolean; readonly option: string },
): DataTable {
  const [first, second] = paths;
  if (isWhole && paths.length === 2) {
    return { format: "text", source_file: first!, target_file: second! };
  }
  const format = /\.(tsv|csv|jsonl)$/.exec(first ?? "")?.[1];
  if (isWhole && paths.length === 1 && format !== undefined) {
    const file = first!;
    return format === "jsonl" ? { format, file } : { format: format as "tsv" | "csv", file };
  }
  throw new UserError(
    ExitCode.usage,
    `Cannot find pairs in ${
      paths.length === 0 ? "no file" : paths.map((p) => `"${p}"`).join(" and ")
    }: ` +
      `expected of ${option} two aligned files, or one whose name ends in .tsv, .csv or .jsonl`,
  );
}
