/** Reads the project's Markdown pages: their code blocks, tables and links. */

/** The folder of the project. */
export const ROOT = decodeURIComponent(new URL("../../", import.meta.url).pathname);

/** A page of the project. */
export interface Page {
  /** Path from the project's folder. */
  readonly path: string;
  readonly text: string;
}

/** A fenced code block. */
export interface CodeBlock {
  readonly language: string;
  /** The words after the language: `run`, `output`, `file=NAME`. */
  readonly marks: readonly string[];
  readonly text: string;
}

/** All pages that this project's tests answer for. */
export function pages(): Page[] {
  const documents = ["docs", "docs/decisions"].flatMap((folder) =>
    [...Deno.readDirSync(`${ROOT}${folder}`)].map(({ name }) => `${folder}/${name}`)
  ).filter((name) => name.endsWith(".md")).sort();
  return ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...documents].map(page);
}

/** One page. */
export function page(path: string): Page {
  return { path, text: Deno.readTextFileSync(`${ROOT}${path}`) };
}

/** The code blocks of a page, in order. */
export function codeBlocks({ text }: Page): CodeBlock[] {
  const fences = text.matchAll(/^```(\w*)[ \t]*([^\n]*)\n(.*?)^```$/gms);
  return Array.from(fences, ([, language = "", marks = "", content = ""]) => ({
    language,
    marks: marks.split(/\s+/).filter((mark) => mark !== ""),
    text: content,
  }));
}

/** The cells of the table whose first heading is given, head and rule left out, code marks removed. */
export function tableRows({ path, text }: Page, heading: string): string[][] {
  const lines = text.split("\n");
  const cells = (line: string) =>
    line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim().replaceAll("`", ""));
  const head = lines.findIndex((line) => line.startsWith("|") && cells(line)[0] === heading);
  if (head < 0) throw new Error(`${path} has no table with first column "${heading}"`);
  const end = lines.findIndex((line, i) => i > head && !line.startsWith("|"));
  return lines.slice(head + 2, end).map(cells);
}

/** Targets of links and pictures that lie in the project, from its folder, without #fragments. */
export function localLinks({ path, text }: Page): string[] {
  const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/") + 1) : "";
  const prose = text.replace(/^```.*?^```$/gms, "");
  return Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, target = ""]) => target)
    .filter((target) => !/^(https?:|#)/.test(target))
    .map((target) => `${folder}${target.replace(/#.*/, "")}`);
}
