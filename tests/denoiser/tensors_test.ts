import { assertEquals, assertThrows } from "@std/assert";
import {
  byteCount,
  bytesOf,
  firstNonFinite,
  fromFloat32,
  type StoredTensor,
  toFloat32,
  toInt32,
} from "../../src/denoiser/tensors.ts";

const stored = (dtype: StoredTensor["dtype"], values: ArrayBufferView<ArrayBuffer>) => {
  const bytes = bytesOf(values);
  return { dtype, shape: [bytes.length / byteCount(dtype, [])], bytes };
};
const float32 = (...words: number[]) => new Float32Array(new Uint32Array(words).buffer);

Deno.test("fromFloat32() rounds to bfloat16 as hardware does", () => {
  // Exact, just below and at a tie to even (down, up), carry into the exponent, largest, zeros.
  const values = float32(
    0x3f800000,
    0x3f807fff,
    0x3f808000,
    0x3f818000,
    0x3fffffff,
    0x7f7fffff,
    0x80000000,
    0xff800000,
  );
  const halves = new Uint16Array(fromFloat32(values, "BF16").buffer);
  assertEquals(
    [...halves],
    [0x3f80, 0x3f80, 0x3f80, 0x3f82, 0x4000, 0x7f80, 0x8000, 0xff80],
  );
  const nan = new Uint16Array(fromFloat32(float32(0x7f800001, 0xffffffff), "BF16").buffer);
  assertEquals([...nan], [0x7fc0, 0xffff], "NaN stays NaN");
});

Deno.test("toFloat32() undoes fromFloat32() for values that a type can hold", () => {
  const values = Float32Array.of(0, -1.5, 0.0078125, 240);
  for (const dtype of ["F64", "F32", "F16", "BF16"] as const) {
    const bytes = fromFloat32(values, dtype);
    assertEquals(toFloat32({ dtype, shape: [4], bytes }), values);
  }
});

Deno.test("toFloat32() reads values that start at any byte", () => {
  const padded = new Uint8Array(9);
  padded.set(bytesOf(Float32Array.of(1.5, -2)), 1);
  const tensor: StoredTensor = { dtype: "F32", shape: [2], bytes: padded.subarray(1) };
  assertEquals([...toFloat32(tensor)], [1.5, -2]);
});

Deno.test("toFloat32() shares the memory of aligned float32 values", () => {
  const values = Float32Array.of(1, 2);
  assertEquals(toFloat32(stored("F32", values)).buffer === values.buffer, true);
});

Deno.test("toInt32() converts and refuses what does not fit", () => {
  assertEquals([...toInt32(stored("I64", BigInt64Array.of(-5n, 7n)))], [-5, 7]);
  assertEquals([...toInt32(stored("I32", Int32Array.of(-5)))], [-5]);
  assertThrows(() => toInt32(stored("I64", BigInt64Array.of(2n ** 31n))), RangeError);
  assertThrows(() => toInt32(stored("F32", Float32Array.of(1))), TypeError);
});

Deno.test("firstNonFinite() finds NaN and infinity in every type", () => {
  for (const dtype of ["F64", "F32", "F16", "BF16"] as const) {
    const probe = (...values: number[]) =>
      firstNonFinite({
        dtype,
        shape: [values.length],
        bytes: fromFloat32(Float32Array.from(values), dtype),
      });
    assertEquals(probe(0, -1, 60000), -1);
    assertEquals(probe(0, NaN, 1), 1);
    assertEquals(probe(0, 1, -Infinity), 2);
  }
});
