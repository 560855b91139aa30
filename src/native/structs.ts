/** C structs described by tables: a field's name, type and plain value stand once, in the order of ardiff.h. */

/** A number in memory. */
type NumberType = "i32" | "u32" | "f32" | "f64" | "u64";

/** A field. */
interface StructField<T> {
  readonly type: NumberType;
  /** The value with which the field does nothing. */
  readonly plain: T;
  /** A value as the shim takes it. */
  readonly code: (value: T) => number | bigint;
}

/** The fields of a struct behind `struct_size`, in its order. */
type Struct = Readonly<
  Record<string, {
    readonly type: NumberType;
    readonly plain: unknown;
    readonly code: (value: never) => number | bigint;
  }>
>;

/** The values of a struct's fields. */
export type FieldValues<S> = {
  readonly [Name in keyof S]: S[Name] extends StructField<infer T> ? T : never;
};

function numberField(type: NumberType): (plain: number) => StructField<number> {
  return (plain) => ({ type, plain, code: (value) => value });
}

export const i32 = numberField("i32");
export const u32 = numberField("u32");
export const f32 = numberField("f32");
export const f64 = numberField("f64");

/** 64 bits, the lower half first. */
export function u64(plain: bigint): StructField<bigint> {
  return { type: "u64", plain, code: (value) => value };
}

/** Yes or no. */
export function flag(plain: boolean): StructField<boolean> {
  return { type: "i32", plain, code: Number };
}

/** One of a C enumeration's names. */
export function nameIn<Name extends string>(
  codes: Readonly<Record<Name, number>>,
  plain: NoInfer<Name>,
): StructField<Name> {
  return { type: "i32", plain, code: (name) => codes[name] };
}

/** The values with which a struct's fields do nothing. */
export function plainValues<S extends Struct>(struct: S): FieldValues<S> {
  return Object.fromEntries(
    Object.entries(struct).map(([name, { plain }]) => [name, plain]),
  ) as unknown as FieldValues<S>;
}

const SIZES: Readonly<Record<NumberType, number>> = { i32: 4, u32: 4, f32: 4, f64: 8, u64: 8 };

/** A struct's bytes. Its first field is its size in bytes; fields must need no padding. */
export function packFields<S extends Struct>(
  struct: S,
  values: FieldValues<S>,
): Uint8Array<ArrayBuffer> {
  return packStruct(
    Object.entries(struct).map(([name, { type, code }]) => [type, code(values[name] as never)]),
  );
}

/** The same of numbers. */
export function packStruct(
  fields: readonly (readonly [NumberType, number | bigint])[],
): Uint8Array<ArrayBuffer> {
  const size = fields.reduce((sum, [type]) => sum + SIZES[type], 4);
  const view = new DataView(new ArrayBuffer(size));
  view.setInt32(0, size, true);
  let offset = 4;
  for (const [type, value] of fields) {
    if (type === "i32") view.setInt32(offset, Number(value), true);
    else if (type === "u32") view.setUint32(offset, Number(value), true);
    else if (type === "f32") view.setFloat32(offset, Number(value), true);
    else if (type === "f64") view.setFloat64(offset, Number(value), true);
    else view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true);
    offset += SIZES[type];
  }
  return new Uint8Array(view.buffer);
}
