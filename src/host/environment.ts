/** The process as commands see it: streams, and one place that writes to them. */
import { ExitCode, messageOf, UserError } from "../errors.ts";

/** What a command may use of the outside world. */
export interface Environment {
  readonly stdin: ReadableStream<Uint8Array>;
  /** Writes a result; resolves when it is written. */
  stdout(text: string): Promise<void>;
  /** Writes a message for people. */
  stderr(text: string): void;
  /** Whether messages go to a person at a terminal. */
  readonly interactive: boolean;
  /** Whether help may be coloured, and whether messages may: at a terminal, unless NO_COLOR is set. */
  readonly colors: { readonly stdout: boolean; readonly stderr: boolean };
  /** An environment variable; undefined where it is empty too. */
  variable(name: string): string | undefined;
}

/** Thrown when whoever read our output has gone: the command ends quietly, with success. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

const encoder = new TextEncoder();

/** The real process. */
export function processEnvironment(): Environment {
  return {
    get stdin() {
      return Deno.stdin.readable;
    },
    stdout: (text) => writeText(Deno.stdout, text, "standard output"),
    stderr(text) {
      try {
        writeSync(encoder.encode(text));
      } catch {
        // Nobody is left to be told.
      }
    },
    interactive: Deno.stderr.isTerminal(),
    get colors() {
      const wanted = variable("NO_COLOR") === undefined && variable("TERM") !== "dumb";
      return {
        stdout: wanted && Deno.stdout.isTerminal(),
        stderr: wanted && Deno.stderr.isTerminal(),
      };
    },
    variable,
  };
}

/** The same, but without messages for people while `isQuiet`; errors are told by who caught them. */
export function quietable(environment: Environment, isQuiet: () => boolean): Environment {
  return {
    get stdin() {
      return environment.stdin;
    },
    stdout: (text) => environment.stdout(text),
    stderr(text) {
      if (!isQuiet()) environment.stderr(text);
    },
    get interactive() {
      return environment.interactive && !isQuiet();
    },
    get colors() {
      return environment.colors;
    },
    variable: (name) => environment.variable(name),
  };
}

/** An environment variable; one that is empty or that may not be read counts as none. */
export function variable(name: string): string | undefined {
  try {
    return Deno.env.get(name) || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/**
 * Writes all of a text.
 *
 * @throws {OutputClosed} where the reader has gone
 * @throws {UserError} where the disk is full or the like
 */
export async function writeText(
  file: { write(bytes: Uint8Array): Promise<number> },
  text: string,
  name: string,
): Promise<void> {
  let rest = encoder.encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
    throw new UserError(ExitCode.output, `Cannot write to ${name}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function writeSync(bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(Deno.stderr.writeSync(rest));
}
