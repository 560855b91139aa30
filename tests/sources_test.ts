/** How the sources hang together: docs/architecture.md, held against them. */
import { assert, assertEquals } from "@std/assert";
import { page, ROOT, tableRows } from "./docs/markdown.ts";
import { filesBelow, readSource, type SourceFile } from "./source_graph.ts";

/** What other programs import, and the program itself. */
const ENTRIES = ["main.ts", "src/mod.ts"];

const sources = filesBelow("src", /\.ts$/).map(readSource);
const byPath = new Map(sources.map((source) => [source.path, source]));

Deno.test("src keeps to the table of docs/architecture.md", () => {
  const rows = tableRows(page("docs/architecture.md"), "folder");
  const allowed = new Map(rows.map(([folder = "", , knows = ""]) => [folder, knows.split(", ")]));
  const folders = [...Deno.readDirSync(`${ROOT}src`)].filter(({ isDirectory }) => isDirectory);
  assertEquals([...allowed.keys()].toSorted(), folders.map(({ name }) => name).sort());
  const folderOf = (path: string) => /^src\/([^/]+)\//.exec(path)?.[1];
  const used = new Map([...allowed.keys()].map((folder) => [folder, new Set<string>()]));
  for (const { path, imports } of sources) {
    const folder = folderOf(path);
    if (folder === undefined) continue;
    for (const { path: target } of imports) {
      const neighbour = folderOf(target);
      if (neighbour === undefined || neighbour === folder) continue;
      assert(allowed.get(folder)!.includes(neighbour), `${path} imports from ${neighbour}`);
      used.get(folder)!.add(neighbour);
    }
  }
  for (const [folder, neighbours] of allowed) {
    assertEquals([...used.get(folder)!].sort().join(", "), neighbours.join(", "), folder);
  }
});

Deno.test("the table of docs/architecture.md has no circles", () => {
  const rows = tableRows(page("docs/architecture.md"), "folder");
  const knows = new Map(rows.map(([folder = "", , known = ""]) => [folder, known.split(", ")]));
  assertEquals(circles([...knows.keys()], (folder) => knows.get(folder) ?? []), []);
});

Deno.test("no file imports one that imports it, types included", () => {
  const imported = (path: string) => byPath.get(path)?.imports.map((found) => found.path) ?? [];
  assertEquals(circles([...byPath.keys()], imported), []);
});

Deno.test("circles() finds what leads back to itself", () => {
  const graph: Readonly<Record<string, readonly string[]>> = {
    a: ["b", "c"],
    b: ["c"],
    c: ["d"],
    d: ["b"],
    e: ["a", "x"],
  };
  assertEquals(circles(Object.keys(graph), (name) => graph[name] ?? []), [["b", "c", "d"]]);
});

Deno.test("every export of src is imported somewhere", () => {
  const users = [
    ...sources,
    ...["bench", "examples", "scripts", "tests"].flatMap((folder) => filesBelow(folder, /\.ts$/))
      .map(readSource),
    readSource("main.ts"),
  ];
  assertEquals(unusedExports(sources.filter(({ path }) => !ENTRIES.includes(path)), users), []);
});

Deno.test("messages reach standard error through host alone, which escapes what they quote", () => {
  for (const { path } of sources) {
    if (path.startsWith("src/host/")) continue;
    const calls = Deno.readTextFileSync(`${ROOT}${path}`).matchAll(/\.stderr\(([^)]*)\)/g);
    // Handing a text on is no message.
    for (const [call, argument] of calls) assertEquals(argument, "text", `${path}: ${call}`);
  }
});

/** Exports of files that no other file imports. */
function unusedExports(files: readonly SourceFile[], users: readonly SourceFile[]): string[] {
  const used = new Map<string, Set<string>>();
  for (const { imports } of users) {
    for (const { path, names } of imports) {
      const known = used.get(path) ?? new Set();
      names.forEach((name) => known.add(name));
      used.set(path, known);
    }
  }
  return files.flatMap(({ path, exports }) =>
    exports.filter((name) => !used.get(path)?.has(name) && !used.get(path)?.has("*"))
      .map((name) => `${path}: ${name}`)
  );
}

/** Circles in a graph, each as the nodes that reach each other, in alphabetical order. */
function circles(
  nodes: readonly string[],
  next: (node: string) => readonly string[],
): string[][] {
  const reach = new Map(nodes.map((node) => [node, reachable(node, next)]));
  const inCircle = nodes.filter((node) => reach.get(node)!.has(node));
  const groups = Map.groupBy(
    inCircle,
    (node) =>
      inCircle.filter((other) => reach.get(node)!.has(other) && reach.get(other)!.has(node)).sort()
        .join("\n"),
  );
  return [...groups.keys()].map((group) => group.split("\n"));
}

/** All that is reached from a node in one step or more. */
function reachable(node: string, next: (node: string) => readonly string[]): Set<string> {
  const found = new Set<string>();
  const pending = [...next(node)];
  for (let current; (current = pending.pop()) !== undefined;) {
    if (found.has(current)) continue;
    found.add(current);
    pending.push(...next(current));
  }
  return found;
}
