import { assert, assertEquals } from "@std/assert";
import { GENERATION_OPTIONS, LOAD_OPTIONS } from "../../src/generation/options.ts";
import {
  device,
  nameOf,
  numberFrom,
  orName,
  seed,
  wholeNumber,
} from "../../src/generation/value_types.ts";

const rows = { ...GENERATION_OPTIONS, ...LOAD_OPTIONS };

Deno.test("every option's flag says its name", () => {
  for (const [name, { flags }] of Object.entries(rows)) {
    const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const expected = flags.includes("<") ? `--${words} <` : `--no-${words}`;
    assert(flags.includes(expected), `${name}: ${flags}`);
  }
});

Deno.test("every option's default can be typed", () => {
  for (const [name, { type, default: standard }] of Object.entries(rows)) {
    if (standard === undefined) continue;
    assertEquals<unknown>(type.parse(String(standard)), standard, name);
    assertEquals(type.parse("~"), undefined, name);
  }
});

Deno.test("value types read what they say and nothing else", () => {
  const cases = [
    [wholeNumber(2, 9), ["2", "9"], ["1", "10", "2.5", "", "x"]],
    [numberFrom(0, 1), ["0", "0.25", "1"], ["-0.1", "1.1", " ", "x"]],
    [nameOf(["a", "b"]), ["a", "b"], ["c", "A", ""]],
    [orName(numberFrom(0, 1), ["auto"]), ["auto", "0.5"], ["off", "2"]],
    [seed, ["0", "18446744073709551615"], ["18446744073709551616", "-1", "1e3"]],
    [device, ["auto", "cpu", "cuda", "cuda:3"], ["gpu", "cpu:1", "cuda:x"]],
  ] as const;
  for (const [type, good, bad] of cases) {
    for (const text of good) assert(type.parse(text) !== undefined, `${type.expected}: ${text}`);
    for (const text of bad) assertEquals(type.parse(text), undefined, `${type.expected}: ${text}`);
  }
});
