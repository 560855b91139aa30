import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { networkFields } from "../../src/denoiser/network_fields.ts";
import { elementCount, expectedTensors } from "../../src/denoiser/parameters.ts";
import { ExitCode, UserError } from "../../src/errors.ts";
import { NativeError, Status } from "../../src/native/errors.ts";
import { NativeModel } from "../../src/native/model.ts";
import { batchOf, F32, NETWORKS, ONE, sampleDenoiser } from "./sample_network.ts";

const CPU = F32.device;

Deno.test("NativeModel has the tensors that model folders hold", () => {
  for (const network of NETWORKS) {
    using model = new NativeModel(networkFields(network));
    const found = new Map(model.tensors.map(({ name, shape }) => [name, [...shape]]));
    const expected = [...expectedTensors(network)].map(([name, shape]) => [name, [...shape]]);
    assertEquals(found, new Map(expected as [string, number[]][]));
  }
});

Deno.test("NativeModel reads back what was written", () => {
  using model = new NativeModel(networkFields(NETWORKS[0]!));
  model.tensors.forEach(({ shape }, index) => {
    const values = Float32Array.from({ length: elementCount(shape) }, (_, i) => index + i / 7);
    model.write(index, values);
    assertEquals(model.read(index), values);
  });
});

Deno.test("NativeModel refuses a network that cannot be", () => {
  const fields = networkFields(NETWORKS[0]!);
  const refused = (index: number, value: number, message: string) => {
    const error = assertThrows(
      () => new NativeModel(fields.with(index, value)),
      NativeError,
      message,
    );
    assertEquals(error.status, Status.invalidArgument);
  };
  refused(0, 0, "vocabulary_size 0");
  refused(5, 7, "Hidden size 24 is not a multiple of 7 attention heads");
  refused(9, 4, "time_conditioning 4: expected 0 to 3");
  assertThrows(() => new NativeModel(fields.slice(1)), NativeError, "struct_size 64: expected 68");
});

Deno.test("NativeModel refuses weights of the wrong size or with NaN", () => {
  using model = new NativeModel(networkFields(NETWORKS[0]!));
  const error = assertThrows(() => model.write(0, new Float32Array(3)), NativeError);
  assertEquals(error.message, "Tensor word_embedding.weight has 1212 values, but 3 were given");
  assertThrows(() => model.write(-1, new Float32Array(3)), NativeError, "index -1");
  const values = new Float32Array(1212).fill(NaN, 5, 6);
  const damaged = assertThrows(() => model.write(0, values), UserError, "position 5");
  assertEquals(damaged.exitCode, ExitCode.model);
});

Deno.test("NativeModel.prepare() refuses missing weights and missing devices", async () => {
  using model = new NativeModel(networkFields(NETWORKS[0]!));
  const missing = await assertRejects(() => model.prepare(CPU, "f32", 1), NativeError);
  assertEquals(missing.status, Status.invalidState);
  assertEquals(missing.message, "Tensor word_embedding.weight has not been written");
  const error = await assertRejects(
    () => sampleDenoiser(NETWORKS[0]!, { ...F32, device: { kind: "cuda", index: 1000 } }),
    UserError,
  );
  assertEquals(error.exitCode, ExitCode.device);
});

Deno.test("a handle refuses use after disposal, and disposal during a call", async () => {
  const denoiser = await sampleDenoiser(NETWORKS[0]!);
  const batch = await denoiser.start(batchOf([[1]]), { ...ONE, noiseScale: 1 });
  const pending = batch.tokens("z");
  assertThrows(() => batch[Symbol.dispose](), Error, "while a call was under way");
  await pending;
  denoiser[Symbol.dispose]();
  assertEquals((await batch.tokens("z")).length, 8, "a batch outlives its model");
  batch[Symbol.dispose]();
  batch[Symbol.dispose]();
  assertThrows(() => batch.seconds(), Error, "used after it was disposed of");
  await assertRejects(() => denoiser.start(batchOf([[1]]), { ...ONE, noiseScale: 1 }), Error);
});
