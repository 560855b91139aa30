import { assert, assertEquals } from "@std/assert";
import { ABI_VERSION } from "../../src/native/library.ts";
import { GROUP_ABI_VERSION } from "../../src/native/group.ts";
import { groupSymbols } from "../../src/native/group_symbols.ts";
import { symbols as shimSymbols } from "../../src/native/symbols.ts";

/** A header without its comments. */
function read(name: string): string {
  return Deno.readTextFileSync(`${import.meta.dirname}/../../native/include/${name}`)
    .replaceAll(/\/\*.*?\*\//gs, "");
}

const header = read("ardiff.h");
const groupHeader = read("ardiff_group.h");

interface Declaration {
  readonly result: string;
  /** Types, without names. */
  readonly parameters: readonly string[];
}

/** The functions of a header. */
function declarationsIn(header: string): ReadonlyMap<string, Declaration> {
  return new Map<string, Declaration>(
    [...header.matchAll(/ARDIFF_API\s+(\w+)\s+(\w+)\(([^)]*)\);/g)].map((
      [, result, name, list],
    ) => [
      name!,
      {
        result: result!,
        parameters: list === "void"
          ? []
          : list!.split(",").map((parameter) =>
            parameter.trim().replaceAll(/\s+/g, " ").replace(/ ?\w+$/, "")
          ),
      },
    ]),
  );
}

const declarations = declarationsIn(header);

/** How a C type crosses the FFI: handles as integers, other pointers as buffers. */
function ffiType(type: string): string {
  if (/^(const )?ardiff_(model|generation|decoding|trainer|group)\*$/.test(type)) return "u64";
  if (type.endsWith("*")) return "buffer";
  const scalars: Record<string, string> = {
    int32_t: "i32",
    int64_t: "i64",
    uint64_t: "u64",
    float: "f32",
    void: "void",
  };
  return scalars[type] ?? `unknown type ${type}`;
}

for (
  const [name, symbols, text, least] of [
    ["ardiff.h", shimSymbols, header, 20],
    ["ardiff_group.h", groupSymbols, groupHeader, 6],
  ] as const
) {
  Deno.test(`every function of ${name} is declared with its types`, () => {
    const declarations = declarationsIn(text);
    assert(declarations.size > least);
    expectSame(symbols, declarations);
  });
}

function expectSame(
  symbols: Deno.ForeignLibraryInterface,
  declarations: ReadonlyMap<string, Declaration>,
): void {
  const nameOf = (key: string, symbol: object) => "name" in symbol ? String(symbol.name) : key;
  const names = new Set(Object.entries(symbols).map(([key, symbol]) => nameOf(key, symbol)));
  assertEquals([...names].sort(), [...declarations.keys()].sort());
  for (const [key, symbol] of Object.entries(symbols)) {
    const name = nameOf(key, symbol);
    const { result, parameters } = declarations.get(name)!;
    assertEquals(
      "parameters" in symbol && [symbol.result, ...symbol.parameters].map(String),
      [result, ...parameters].map(ffiType),
      name,
    );
  }
}

Deno.test("ABI versions are the headers'", () => {
  const version = (text: string) => text.match(/#define ARDIFF_(?:GROUP_)?ABI_VERSION (\d+)/)?.[1];
  assertEquals(version(header), String(ABI_VERSION));
  assertEquals(version(groupHeader), String(GROUP_ABI_VERSION));
});

Deno.test("the sanitizer test calls every function of ardiff.h", () => {
  const folder = `${import.meta.dirname}/../../native/tests`;
  const sources = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile)
    .map(({ name }) => Deno.readTextFileSync(`${folder}/${name}`)).join("\n");
  for (const name of declarations.keys()) {
    assert(new RegExp(`\\b${name}\\b`).test(sources), `native/tests never calls ${name}`);
  }
});
