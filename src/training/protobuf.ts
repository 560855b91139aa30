/** As much of Protocol Buffers as TensorBoard's events need: writing fields of five kinds. */

/** An encoded field, or several. */
export type Encoded = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

/** A message: its fields one after another. */
export function message(...fields: readonly Encoded[]): Encoded {
  const bytes = new Uint8Array(fields.reduce((sum, field) => sum + field.length, 0));
  let offset = 0;
  for (const field of fields) {
    bytes.set(field, offset);
    offset += field.length;
  }
  return bytes;
}

/** An int32, int64, bool or enum field; the value is a non-negative safe integer. */
export function varintField(field: number, value: number): Encoded {
  return message(varint(field * 8), varint(value));
}

/** A double field. */
export function doubleField(field: number, value: number): Encoded {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return message(varint(field * 8 + 1), bytes);
}

/** A string, bytes or message field. */
export function bytesField(field: number, value: string | Encoded): Encoded {
  const bytes = typeof value === "string" ? encoder.encode(value) : value;
  return message(varint(field * 8 + 2), varint(bytes.length), bytes);
}

/** A float field. */
export function floatField(field: number, value: number): Encoded {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return message(varint(field * 8 + 5), bytes);
}

/** Seven bits a byte, the lowest first; the top bit says that more follow. */
function varint(value: number): Encoded {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  bytes.push(value);
  return Uint8Array.from(bytes);
}
