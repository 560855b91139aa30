/** As much of a shell's grammar as documented command lines use. */

/** One simple command: its words, assignments before it and redirections left out. */
export type SimpleCommand = readonly string[];

/** A comment, an operator, a redirection with its target, or a word. */
const TOKEN =
  /[ \t]*(?:(#[^\n]*)|(\n|\|\|?|&&?|;)|(\d?(?:>>?|<)(?:&\d|[ \t]*[^\s|&;]+))|((?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\|&;<>])+)|$)/gy;

const QUOTED = /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/gs;

/** Words that may stand before a command. */
const LEADING = /^(?:[A-Za-z_]\w*=.*|time|do|then|else|!)$/s;

/** The simple commands of a script, in order. */
export function simpleCommands(script: string): SimpleCommand[] {
  const commands: string[][] = [[]];
  for (const [, , operator, , word] of script.replaceAll("\\\n", " ").matchAll(TOKEN)) {
    if (operator !== undefined) commands.push([]);
    else if (word !== undefined) commands.at(-1)!.push(unquote(word));
  }
  return commands.map(withoutLeading).filter((command) => command.length > 0);
}

function unquote(word: string): string {
  return word.replace(
    QUOTED,
    (_, single?: string, double?: string, escaped?: string) =>
      single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? "",
  );
}

function withoutLeading(words: readonly string[]): SimpleCommand {
  const first = words.findIndex((word) => !LEADING.test(word));
  return first < 0 ? [] : words.slice(first);
}
