/** Where commands read and write: a file, or a standard stream. */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { writeText } from "./environment.ts";

/** Something that text is written to. Dispose of it when done. */
interface Output extends Disposable {
  write(text: string): void | Promise<void>;
}

/** The input file that a path means: undefined, for standard input, for "-" and its device too. */
export function inputFile(path: string | undefined): string | undefined {
  return path === "-" || path === "/dev/stdin" ? undefined : path;
}

/**
 * Opens a file for writing, or standard output where no path is given, "-" or its device.
 *
 * @throws {UserError} where it cannot be opened, or written to
 */
export function openOutput(
  path: string | undefined,
  io: { stdout(text: string): void | Promise<void> },
): Output {
  if (path === undefined || path === "-" || path === "/dev/stdout") {
    return { write: (text) => io.stdout(text), [Symbol.dispose]: () => {} };
  }
  try {
    const file = Deno.openSync(path, { write: true, create: true, truncate: true });
    return {
      write: (text) => writeText(file, text, `"${path}"`),
      [Symbol.dispose]: () => file.close(),
    };
  } catch (cause) {
    // Deno opens no device but a few, whatever is permitted; a shell does.
    const flaw = cause instanceof Deno.errors.NotCapable
      ? "it is a device, or not permitted; let the shell open it with >"
      : messageOf(cause);
    throw new UserError(ExitCode.output, `Cannot write output "${path}": ${flaw}`, { cause });
  }
}
