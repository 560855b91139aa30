import { assertEquals, assertThrows } from "@std/assert";
import { Inert } from "../../src/denoiser/inert.ts";
import { type PickleLimits, unpickle } from "../../src/denoiser/pickle.ts";

/** Bytes from numbers and text. */
function pickle(...parts: (number | string)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === "number" ? [part] : [...new TextEncoder().encode(part)]
    ),
  );
}

function load(bytes: Uint8Array, limits?: PickleLimits): unknown {
  return unpickle(bytes, {
    ...(limits && { limits }),
    globals: new Map([["safe.total", (args) => args.reduce((a, b) => Number(a) + Number(b))]]),
    persistent: (id) => ["resolved", id],
    fail: (problem) => {
      throw new Error(problem);
    },
  });
}

// Each from Python: pickle.dumps(value, protocol).
Deno.test("unpickle() reads numbers", () => {
  const value = load(pickle(
    ...[0x80, 2, "]", "("],
    ...["K", 7, "M", 1, 2, "J", 0xfe, 0xff, 0xff, 0xff],
    ...[0x8a, 2, 0, 0xff, 0x8a, 0],
    ...[0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ...["G", 0x3f, 0xf8, 0, 0, 0, 0, 0, 0],
    ...["N", 0x88, 0x89, "e", "."],
  ));
  assertEquals(value, [7, 513, -2, -256, 0, 2n ** 64n, 1.5, null, true, false]);
});

Deno.test("unpickle() reads text, bytes, dictionaries and nested tuples", () => {
  const value = load(pickle(
    ...[0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0, "}", 0x94, "("],
    ...[0x8c, 1, "a", 0x94, "C", 2, 8, 9],
    ...["X", 1, 0, 0, 0, "b", "K", 1, "K", 2, 0x86, "h", 1, 0x86],
    ...["u", "."],
  ));
  assertEquals(value, new Map<string, unknown>([["a", Uint8Array.of(8, 9)], ["b", [[1, 2], "a"]]]));
});

Deno.test("unpickle() calls allowed functions only", () => {
  assertEquals(load(pickle("csafe\ntotal\n", "K", 2, "K", 3, 0x86, "R", ".")), 5);
  assertEquals(load(pickle(0x8c, 4, "safe", 0x8c, 5, "total", 0x93, "K", 2, 0x85, "R", ".")), 2);
  assertThrows(
    () => load(pickle("cos\nsystem\n", 0x8c, 2, "id", 0x85, "R", ".")),
    Error,
    `it refers to Python's "os.system"`,
  );
  assertThrows(() => load(pickle("K", 1, "K", 2, 0x85, "R", ".")), Error, "not a function");
  assertThrows(() => load(pickle("(", 0x8c, 2, "id", "ios\nsystem\n.")), Error, "opcode 0x69");
});

Deno.test("unpickle() hands persistent ids to its environment", () => {
  assertEquals(load(pickle("K", 5, 0x51, ".")), ["resolved", 5]);
});

Deno.test("unpickle() refuses damaged programs", () => {
  const cases: [Uint8Array, string][] = [
    [pickle("K"), "breaks off"],
    [pickle("]"), "breaks off"],
    [pickle("X", 255, 255, 255, 255, "a"), "breaks off"],
    [pickle("cos"), "breaks off"],
    [pickle("."), "stack runs empty"],
    [pickle("K", 1, 0x86, "."), "stack runs empty"],
    [pickle("t."), "never opened"],
    [pickle("h", 3, "."), "never stored"],
    [pickle("K", 1, "K", 1, "a."), "not a list"],
    [pickle("]", "K", 1, "K", 1, "s."), "not a dictionary"],
    [pickle("}", "(", "K", 1, "u."), "lacks its value"],
    [pickle("]", "}", "b."), "sets attributes"],
    [pickle("]", "]", 0x93, "."), "without a name"],
    [pickle(0x8b, 0, 0, 0, 1), "integer of 16777216 bytes"],
  ];
  for (const [bytes, problem] of cases) assertThrows(() => load(bytes), Error, problem);
});

Deno.test("unpickle() stops at more steps and more lists than a checkpoint has", () => {
  const limits = { steps: 100, containers: 10 };
  const many = (opcode: string, count: number) => load(pickle(opcode.repeat(count), "N."), limits);
  assertEquals([many("}", 10), many("N", 90)], [null, null]);
  assertThrows(() => many("}", 11), Error, "lists and dictionaries");
  assertThrows(() => many("(", 11), Error, "lists and dictionaries");
  assertThrows(() => many("N", 101), Error, "steps");
});

Deno.test("unpickle() makes values without content of harmless objects, and calls nothing", () => {
  const namespace = pickle(0x80, 2, "cargparse\nNamespace\n", ")", 0x81, "}", "b.");
  assertEquals(load(namespace), new Inert("argparse.Namespace"));
  const scalar = pickle("cnumpy._core.multiarray\nscalar\n", ")", "R.");
  assertEquals(load(scalar), new Inert("numpy._core.multiarray.scalar"));
  for (const name of ["os\nsystem", "builtins\neval", "builtins\ngetattr", "numpyx\nf"]) {
    assertThrows(() => load(pickle(`c${name}\n.`)), Error, "refuses to touch");
  }
});
