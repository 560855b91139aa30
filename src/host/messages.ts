/**
 * Messages for people. What they quote may come from anybody's file, so all of them pass here, where
 * control characters become visible: none reaches a terminal but those that ardiff itself draws with.
 */
import { printableLines } from "../printable.ts";
import type { Environment } from "./environment.ts";

/** Where messages go. */
interface Listener {
  stderr(text: string): void | Promise<void>;
}

/** Writes a message of one or several lines, without its last line feed. */
export function tell(io: Listener, message: string): void | Promise<void> {
  return io.stderr(`${printableLines(message)}\n`);
}

/**
 * Says what went wrong, behind the word for what it is, which stands out where colours may.
 *
 * @param message one or several lines, without the last line feed
 */
export function tellError(message: string, environment: Environment, word = "Error"): void {
  const label = environment.colors.stderr ? `\x1b[1;31m${word}:\x1b[0m` : `${word}:`;
  environment.stderr(`${label} ${printableLines(message)}\n`);
}
