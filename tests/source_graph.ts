/** What each source file exports and imports, types included. */
import { ROOT } from "./docs/markdown.ts";

/** A source file. */
export interface SourceFile {
  /** Path from the project's folder. */
  readonly path: string;
  /** Names that other files may import. */
  readonly exports: readonly string[];
  /** Files that it names, in whatever way, and the names it takes from each. */
  readonly imports: readonly Import[];
}

/** What a file takes from another. */
export interface Import {
  /** Path from the project's folder. */
  readonly path: string;
  /** "*" where names cannot be told, as where the whole module is taken. */
  readonly names: readonly string[];
}

/** Paths of the files of a folder whose names end so, from the project's folder. */
export function filesBelow(folder: string, ending: RegExp): string[] {
  return [...Deno.readDirSync(`${ROOT}${folder}`)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return filesBelow(path, ending);
    return ending.test(name) ? [path] : [];
  });
}

const DECLARED =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|type|enum) (\w+)/gm;
/** `import { a } from "x"`, `export { a } from "x"` and `const { a } = await import("x")`. */
const FROM = /\{([^{}]*)\}\s*(?:from|= await import\()\s*"([^"]+)"/g;
const REEXPORTED = /^export (?:type )?\{([^{}]*)\} from/gm;
/** Any path of a source file behind one of the words that import. */
const NAMED = /\b(?:from|import|URL)\b\s*\(?\s*"(\.[^"]+\.ts)"/g;

/** Reads a source file. */
export function readSource(path: string): SourceFile {
  const text = Deno.readTextFileSync(`${ROOT}${path}`).replaceAll(/\/\*[\s\S]*?\*\//g, "");
  const resolved = (target: string) => new URL(target, `file:///${path}`).pathname.slice(1);
  const named = Array.from(
    text.matchAll(FROM),
    ([, names = "", target = ""]) => ({
      path: resolved(target),
      names: wordsOf(names, /^type |(?: as |: ).*/g),
    }),
  );
  const whole = Array.from(text.matchAll(NAMED), ([, target = ""]) => resolved(target))
    .filter((target) => !named.some((found) => found.path === target))
    .map((target) => ({ path: target, names: ["*"] }));
  return {
    path,
    exports: [
      ...Array.from(text.matchAll(DECLARED), ([, name = ""]) => name),
      ...Array.from(text.matchAll(REEXPORTED), ([, names = ""]) => wordsOf(names, /^type |.* as /g))
        .flat(),
    ],
    imports: [...named, ...whole],
  };
}

/** The names of a list, without what a pattern finds. */
function wordsOf(list: string, dropped: RegExp): string[] {
  return list.split(",").map((name) => name.trim().replaceAll(dropped, ""))
    .filter((name) => name !== "");
}
