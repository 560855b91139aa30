import { assert, assertEquals } from "@std/assert";
import { ABI_VERSION } from "../../src/native/library.ts";
import { symbols } from "../../src/native/symbols.ts";

const header = Deno.readTextFileSync(`${import.meta.dirname}/../../native/include/ardiff.h`)
  .replaceAll(/\/\*.*?\*\//gs, "");

interface Declaration {
  readonly result: string;
  /** Types, without names. */
  readonly parameters: readonly string[];
}

/** The functions of ardiff.h. */
const declarations = new Map<string, Declaration>(
  [...header.matchAll(/ARDIFF_API\s+(\w+)\s+(\w+)\(([^)]*)\);/g)].map(([, result, name, list]) => [
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

/** How a C type crosses the FFI: handles as integers, other pointers as buffers. */
function ffiType(type: string): string {
  if (/^(const )?ardiff_(model|generation|decoding|trainer)\*$/.test(type)) return "u64";
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

Deno.test("symbols declares every function of ardiff.h with its types", () => {
  assert(declarations.size > 20);
  const nameOf = (key: string, symbol: object) => "name" in symbol ? String(symbol.name) : key;
  const names = new Set(Object.entries(symbols).map(([key, symbol]) => nameOf(key, symbol)));
  assertEquals([...names].sort(), [...declarations.keys()].sort());
  for (const [key, symbol] of Object.entries(symbols)) {
    const name = nameOf(key, symbol);
    const { result, parameters } = declarations.get(name)!;
    assertEquals(
      { result: symbol.result, parameters: [...symbol.parameters] },
      { result: ffiType(result), parameters: parameters.map(ffiType) },
      name,
    );
  }
});

Deno.test("ABI_VERSION is the header's", () => {
  assertEquals(header.match(/#define ARDIFF_ABI_VERSION (\d+)/)?.[1], String(ABI_VERSION));
});

Deno.test("the sanitizer test calls every function of ardiff.h", () => {
  const folder = `${import.meta.dirname}/../../native/tests`;
  const sources = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile)
    .map(({ name }) => Deno.readTextFileSync(`${folder}/${name}`)).join("\n");
  for (const name of declarations.keys()) {
    assert(new RegExp(`\\b${name}\\b`).test(sources), `native/tests never calls ${name}`);
  }
});
