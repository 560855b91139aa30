import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import { NativeError, Status } from "../../src/native/errors.ts";
import { ABI_VERSION, libraryOrigin } from "../../src/native/library.ts";
import {
  chooseKernels,
  describeLibrary,
  noiseKey,
  philox,
  timeMatmul,
} from "../../src/native/library_info.ts";
import { kernelsInUse, testOnOtherKernels } from "./kernels.ts";

/** The known answers of Random123 (Salmon et al. 2011), kat_vectors, philox4x32 with 10 rounds. */
const KNOWN_ANSWERS = [
  {
    counter: [0, 0, 0, 0],
    key: [0, 0],
    output: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    output: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    output: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
];

Deno.test("philox() gives the published known answers", () => {
  for (const { counter, key, output } of KNOWN_ANSWERS) {
    assertEquals([...philox(Uint32Array.from(counter), Uint32Array.from(key))], output);
  }
});

Deno.test("noiseKey() depends on every bit of the seed and on every id in its place", () => {
  const key = (seed: bigint, ...ids: number[]) => [...noiseKey(seed, Int32Array.from(ids))];
  assertEquals(key(1n, 5, 6), key(1n, 5, 6));
  const others = [
    key(0n, 5, 6),
    key(1n + 2n ** 63n, 5, 6),
    key(2n ** 64n - 1n, 5, 6),
    key(1n, 6, 5),
    key(1n, 5),
    key(1n, 5, 6, 0),
    key(1n),
  ];
  for (const other of others) assertNotEquals(other, key(1n, 5, 6));
});

Deno.test("describeLibrary() describes the library that was loaded", () => {
  const library = describeLibrary();
  assertEquals(library.abi, ABI_VERSION);
  assert(/^2\.1[1-3]\./.test(library.libtorch), library.libtorch);
  assert(library.threads >= 1);
  const { recorded, replayed, failure } = library.step_graphs;
  assertEquals({ recorded, replayed, failure }, { recorded: 0, replayed: 0, failure: null });
  assert(libraryOrigin().shim.path?.endsWith("/libardiff.so"));
});

Deno.test("chooseKernels() takes effect", () => {
  assertEquals(describeLibrary().instruction_set, kernelsInUse);
});

Deno.test("chooseKernels() refuses what there is not", () => {
  const error = assertThrows(() => chooseKernels("sse9" as "avx2"), UserError, '"sse9"');
  assertEquals(error.exitCode, ExitCode.device);
});

Deno.test("timeMatmul() measures, and refuses sizes that are no sizes", () => {
  assert(timeMatmul(8, 8, 8, "f32", 1) > 0);
  assert(timeMatmul(8, 8, 8, "bf16", 1) > 0);
  const error = assertThrows(() => timeMatmul(0, 8, 8, "f32", 1), NativeError, "Matmul size is 0");
  assertEquals(error.status, Status.invalidArgument);
});

testOnOtherKernels(import.meta.url);
