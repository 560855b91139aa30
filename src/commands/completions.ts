/** `ardiff completions`: command lines completed by the shell. */
import { modelNames } from "../denoiser/model_path.ts";
import { printable } from "../printable.ts";

/** The streams of the process, or of a test. */
interface CompletionsIo {
  stdout(text: string): void | Promise<void>;
}

/**
 * Prints the script for a shell.
 *
 * @param scriptFor writes it, given the names of the models that come with the program
 */
export async function completions(
  scriptFor: (models: readonly string[]) => string,
  io: CompletionsIo,
): Promise<void> {
  await io.stdout(scriptFor(modelNames().filter((name) => printable(name) === name)));
}
