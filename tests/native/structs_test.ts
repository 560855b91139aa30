import { assertEquals } from "@std/assert";
import {
  f32,
  f64,
  flag,
  i32,
  nameIn,
  packFields,
  plainValues,
  u32,
  u64,
} from "../../src/native/structs.ts";
import { BATCH_FIELDS, PLAIN_BATCH } from "../../src/native/trainer_options.ts";

const STRUCT = {
  count: i32(-1),
  yes: flag(false),
  kind: nameIn({ a: 0, b: 7 }, "a"),
  number: u32(0),
  seed: u64(0n),
  rate: f32(1),
  exact: f64(0.1),
} as const;

Deno.test("packFields() lays fields out behind the size, in the table's order", () => {
  const packed = packFields(STRUCT, {
    count: -2,
    yes: true,
    kind: "b",
    number: 2 ** 32 - 1,
    seed: 0x1_0000_0002n,
    rate: 0.5,
    exact: 0.25,
  });
  const view = new DataView(packed.buffer);
  const whole = [0, 4, 8, 12, 16, 20, 24].map((offset) => view.getInt32(offset, true));
  assertEquals(whole, [40, -2, 1, 7, -1, 2, 1]);
  assertEquals([view.getFloat32(28, true), view.getFloat64(32, true)], [0.5, 0.25]);
});

Deno.test("plainValues() are those of the table", () => {
  assertEquals(plainValues(STRUCT), {
    count: -1,
    yes: false,
    kind: "a",
    number: 0,
    seed: 0n,
    rate: 1,
    exact: 0.1,
  });
});

Deno.test("a seed of 64 bits reaches the shim whole", () => {
  const seed = 2n ** 64n - 3n;
  const packed = packFields(BATCH_FIELDS, { ...PLAIN_BATCH, seed });
  assertEquals(new DataView(packed.buffer).getBigUint64(20, true), seed);
});
