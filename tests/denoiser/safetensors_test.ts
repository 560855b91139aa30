import { assertEquals, assertThrows } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import {
  floatTensor,
  looksLikeSafetensors,
  parseSafetensors,
  readSafetensors,
  writeSafetensors,
} from "../../src/denoiser/safetensors.ts";
import { fixture, withFolder } from "./test_files.ts";
import { bytesOf, toFloat32, toInt32 } from "../../src/denoiser/tensors.ts";

/** A file with any header, honest or not. */
function file(header: unknown, dataLength: number, claimedLength?: bigint) {
  const json = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + json.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, claimedLength ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

function assertRefused(bytes: Uint8Array<ArrayBuffer>, problem: string) {
  const message = `Cannot read tensors of "m.safetensors": `;
  const error = assertThrows(() => parseSafetensors(bytes, "m.safetensors"), UserError, message);
  assertEquals(error.exitCode, ExitCode.model);
  assertEquals(error.message.includes(problem), true, `${error.message} lacks ${problem}`);
}

const entry = (dtype: unknown, shape: unknown, ...data_offsets: unknown[]) => ({
  dtype,
  shape,
  data_offsets,
});

Deno.test("readSafetensors() reads a file of the Python package", () => {
  const { tensors, metadata } = readSafetensors(fixture("mixed.safetensors"));
  assertEquals(metadata, { format: "pt" });
  const values = Object.fromEntries(
    [...tensors].map(([name, tensor]) => [
      name,
      { shape: tensor.shape, values: [...(name[0] === "i" ? toInt32 : toFloat32)(tensor)] },
    ]),
  );
  assertEquals(values, {
    f64: { shape: [2], values: [0.5, -3] },
    f32: { shape: [2, 3], values: [0, 1, 2, 3, 4, 5] },
    f16: { shape: [3], values: [1, -0.25, 65504] },
    bf16: { shape: [1, 2], values: [1.5, -384] },
    i64: { shape: [1, 2], values: [7, -7] },
    i32: { shape: [], values: [42] },
    f32_empty: { shape: [0, 4], values: [] },
  });
});

Deno.test(
  "writeSafetensors() writes what readSafetensors() reads",
  withFolder((folder) => {
    const path = `${folder}/model.safetensors`;
    const values = Float32Array.of(1, -2.5, 3);
    writeSafetensors(
      path,
      [
        floatTensor("half", [3], () => values, "BF16"),
        floatTensor("full", [1, 3], () => values, "F32"),
        {
          name: "ids",
          dtype: "I64",
          shape: [2],
          bytes: () => bytesOf(BigInt64Array.of(1n, 2n)),
        },
      ],
      { step: "120" },
    );
    const { tensors, metadata } = readSafetensors(path);
    assertEquals(metadata, { step: "120" });
    assertEquals([...tensors.keys()], ["ids", "full", "half"]);
    assertEquals(tensors.get("full")!.shape, [1, 3]);
    assertEquals(toFloat32(tensors.get("full")!), values);
    assertEquals(toFloat32(tensors.get("half")!), values);
    assertEquals([...toInt32(tensors.get("ids")!)], [1, 2]);
    for (const { bytes } of tensors.values()) assertEquals(bytes.byteOffset % 2, 0);
    assertEquals([...Deno.readDirSync(folder)].length, 1, "no temporary file is left");
  }),
);

Deno.test(
  "writeSafetensors() leaves the old file alone where it fails",
  withFolder((folder) => {
    const path = `${folder}/model.safetensors`;
    writeSafetensors(path, [floatTensor("a", [1], () => Float32Array.of(1), "F32")]);
    const broken = floatTensor("b", [1], () => {
      throw new UserError(ExitCode.device, "the device is gone");
    }, "F32");
    assertThrows(() => writeSafetensors(path, [broken]), UserError, "the device is gone");
    assertEquals([...readSafetensors(path).tensors.keys()], ["a"]);
    assertEquals([...Deno.readDirSync(folder)].length, 1);
    const error = assertThrows(
      () => writeSafetensors(`${folder}/none/x.safetensors`, []),
      UserError,
      `Cannot write "${folder}/none/x.safetensors"`,
    );
    assertEquals(error.exitCode, ExitCode.output);
  }),
);

Deno.test("readSafetensors() says which file it cannot read", () => {
  assertThrows(
    () => readSafetensors("/no/such"),
    UserError,
    'Cannot read "/no/such": no such file',
  );
  assertThrows(() => readSafetensors("/"), UserError, "not a regular file");
});

Deno.test("parseSafetensors() refuses lengths that the file denies", () => {
  assertRefused(new Uint8Array(7), "only 7 bytes");
  assertRefused(file({}, 0, 3n), "its header claims 3 bytes");
  assertRefused(file({}, 0, 2n ** 63n), "its header claims 9223372036854775808 bytes");
  assertRefused(file({ a: entry("F32", [2], 0, 8) }, 7), "the file is truncated");
  assertRefused(file({ a: entry("F32", [2], 0, 8) }, 9), "1 bytes of data belong to no tensor");
});

Deno.test("parseSafetensors() refuses headers that are no description of tensors", () => {
  assertRefused(file("{", 0), "not valid JSON");
  assertRefused(file("[]", 0), "not a JSON object");
  assertRefused(file("\xff", 0), "its header is not");
  assertRefused(file({ a: 3 }, 0), 'tensor "a" is described by 3');
  assertRefused(file({ __metadata__: { a: 3 } }, 0), '__metadata__ key "a" is 3');
  assertRefused(file({ __metadata__: [] }, 0), "__metadata__ is []");
});

Deno.test("parseSafetensors() names the tensor whose description lies", () => {
  const cases: [unknown, string][] = [
    [entry("F31", [1], 0, 4), 'data type "F31"'],
    [entry(undefined, [1], 0, 4), "data type nothing"],
    [entry("toString", [1], 0, 4), 'data type "toString"'],
    [entry("F32", [-1], 0, 4), "shape [-1]"],
    [entry("F32", [0.5], 0, 4), "shape [0.5]"],
    [entry("F32", 1, 0, 4), "shape 1"],
    [entry("F32", [1], 0), "data offsets [0]"],
    [entry("F32", [1], 4, 0), "has -4 bytes of data, expected 4"],
    [entry("F32", [2 ** 40, 2 ** 40], 0, 4), "has 4 bytes"],
    [entry("BF16", [1], 0, 4), "type BF16 and shape [1] has 4 bytes of data, expected 2"],
  ];
  for (const [description, problem] of cases) {
    assertRefused(file({ weight: description }, 4), `tensor "weight"`);
    assertRefused(file({ weight: description }, 4), problem);
  }
});

Deno.test("parseSafetensors() refuses tensors that overlap or leave gaps", () => {
  const overlap = { a: entry("F32", [2], 0, 8), b: entry("F32", [1], 4, 8) };
  assertRefused(file(overlap, 8), 'tensor "b" overlaps');
  const gap = { a: entry("F32", [1], 0, 4), b: entry("F32", [1], 8, 12) };
  assertRefused(file(gap, 12), 'tensor "b" leaves a gap');
});

Deno.test("looksLikeSafetensors() tells the format from a zip archive", () => {
  assertEquals(looksLikeSafetensors(file({}, 0)), true);
  assertEquals(looksLikeSafetensors(new TextEncoder().encode("PK\x03\x04 archive")), false);
});
