/** The pages of a report: Markdown with pictures beside it, and HTML that holds all in one file. */
import type { Chart } from "./charts.ts";
import { pageColours } from "./palette.ts";
import { asHtml, asMarkdown, escapeHtml, type Table } from "./tables.ts";

/** What a report says. */
export interface Report {
  readonly title: string;
  /** Paragraphs below the title. */
  readonly about: readonly string[];
  /** The command lines that make it. */
  readonly commands: readonly string[];
  readonly charts: readonly Chart[];
  readonly tables: readonly { readonly title: string; readonly table: Table }[];
  /** Where and with what it was measured. */
  readonly notes: readonly string[];
}

/** The page in Markdown, which shows the charts' files. */
export function markdownPage({ title, about, commands, charts, tables, notes }: Report): string {
  return [
    "<!-- deno-fmt-ignore-file -->",
    `# ${title}`,
    ...about,
    ...commands.length > 0 ? [`\`\`\`sh\n${commands.join("\n")}\n\`\`\``] : [],
    ...charts.map(({ name, title }) => `![${title}](${name}.svg)`),
    ...tables.flatMap(({ title, table }) => [`## ${title}`, asMarkdown(table).trimEnd()]),
    ...notes.map((note) => `_${note}_`),
  ].join("\n\n") + "\n";
}

const STYLE = `${pageColours()}
body { font: 16px/1.5 sans-serif; margin: 2em auto; max-width: 80em; padding: 0 1em; background: var(--ground); color: var(--ink); }
table { border-collapse: collapse; font-size: 14px; display: block; overflow-x: auto; }
th, td { text-align: right; padding: .2em .6em; border-bottom: 1px solid var(--faint); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 1.5em 0; overflow-x: auto; }
figure svg { max-width: 100%; height: auto; }
pre { overflow-x: auto; padding: .6em; border: 1px solid var(--faint); }
`;

/** The page in HTML, which needs no other file. */
export function htmlPage({ title, about, commands, charts, tables, notes }: Report): string {
  const paragraphs = (texts: readonly string[]) =>
    texts.map((text) => `<p>${escapeHtml(text)}</p>`);
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width">',
    `<title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body>`,
    `<h1>${escapeHtml(title)}</h1>`,
    ...paragraphs(about),
    ...commands.length > 0 ? [`<pre>${escapeHtml(commands.join("\n"))}</pre>`] : [],
    ...charts.map(({ title, svg }) =>
      `<figure role="img" aria-label="${escapeHtml(title)}">${svg}</figure>`
    ),
    ...tables.map(({ title, table }) => `<h2>${escapeHtml(title)}</h2>\n${asHtml(table)}`),
    ...paragraphs(notes),
    "</body></html>\n",
  ].join("\n");
}
