/** Against files that torch.save wrote (scripts/oracles/checkpoint_fixtures.py). */
import { assertEquals, assertThrows } from "@std/assert";
import { readPublishedWeights } from "../../src/denoiser/published_weights.ts";
import { toFloat32, toInt32 } from "../../src/denoiser/tensors.ts";
import { parseTorchCheckpoint } from "../../src/denoiser/torch_checkpoint.ts";
import { ExitCode, UserError } from "../../src/errors.ts";
import { readFileBytes } from "../../src/host/files.ts";
import { fixture } from "./test_files.ts";

function read(name: string) {
  return parseTorchCheckpoint(readFileBytes(fixture(name)), name);
}

/** Shapes and values of a checkpoint's tensors. */
function contents(name: string) {
  const entries = [...read(name).tensors].map(([name, tensor]) => {
    const values = tensor.dtype.includes("I") ? toInt32(tensor) : toFloat32(tensor);
    return [name, { dtype: tensor.dtype, shape: tensor.shape, values: [...values] }];
  });
  return Object.fromEntries(entries);
}

Deno.test("parseTorchCheckpoint() reads every data type", () => {
  assertEquals(contents("mixed.pt"), {
    f64: { dtype: "F64", shape: [2], values: [0.5, -3] },
    f32: { dtype: "F32", shape: [2, 3], values: [0, 1, 2, 3, 4, 5] },
    f16: { dtype: "F16", shape: [3], values: [1, -0.25, 65504] },
    bf16: { dtype: "BF16", shape: [1, 2], values: [1.5, -384] },
    i64: { dtype: "I64", shape: [1, 2], values: [7, -7] },
    i32: { dtype: "I32", shape: [], values: [42] },
    f32_empty: { dtype: "F32", shape: [0, 4], values: [] },
  });
});

Deno.test("parseTorchCheckpoint() honours strides and offsets, in every pickle protocol", () => {
  const transposed = Array.from({ length: 24 }, (_, i) => (i % 4) * 6 + Math.floor(i / 4));
  for (const name of ["views.pt", "protocol3.pt", "protocol4.pt", "protocol5.pt"]) {
    assertEquals(contents(name), {
      transposed: { dtype: "F32", shape: [6, 4], values: transposed },
      column: { dtype: "F32", shape: [4], values: [2, 8, 14, 20] },
      strided: { dtype: "F32", shape: [2, 2], values: [6, 9, 18, 21] },
      expanded: { dtype: "F32", shape: [2, 3], values: [1, 1, 1, 2, 2, 2] },
      scalar: { dtype: "F32", shape: [], values: [2.5] },
    });
  }
});

Deno.test("parseTorchCheckpoint() finds the state dict and strips shared prefixes", () => {
  const weights = {
    weight: { dtype: "F32", shape: [1, 2], values: [0.5, -1] },
    bias: { dtype: "F32", shape: [1], values: [2] },
  };
  for (const name of ["state_dict.pt", "parameters.pt", "training.pt"]) {
    assertEquals(contents(name), weights, name);
  }
  assertEquals(read("state_dict.pt").path, []);
  assertEquals(read("training.pt").path, ["model_dict"]);
});

Deno.test("parseTorchCheckpoint() prefers averaged weights, however they are nested", () => {
  assertEquals(read("averaged.pt").path, ["ema", "module"]);
  assertEquals([...toFloat32(read("averaged.pt").tensors.get("weight")!)], [3]);
});

Deno.test("parseTorchCheckpoint() names the global it refuses to touch", () => {
  const error = assertThrows(() => read("evil.pt"), UserError, `Python's "posix.system"`);
  assertEquals(error.exitCode, ExitCode.model);
  assertThrows(() => read("whole_module.pt"), UserError, '"torch.nn.modules.linear.Linear"');
});

Deno.test("parseTorchCheckpoint() refuses views that lie about their storage", () => {
  assertThrows(() => read("reaching.pt"), UserError, "reaches past its 2 stored values");
  assertThrows(() => read("endless.pt"), UserError, "repeats values far beyond its size");
  assertThrows(() => read("repeating.pt"), UserError, 'tensor "w');
  assertThrows(() => read("plain.pt"), UserError, "no state dict");
});

Deno.test("parseTorchCheckpoint() passes over harmless objects beside the weights and in them", () => {
  assertEquals(contents("beside.pt"), {
    weight: { dtype: "F32", shape: [2], values: [1, 2] },
    bias: { dtype: "F32", shape: [1], values: [3] },
    steps: { dtype: "I64", shape: [], values: [7] },
  });
  assertEquals(read("beside.pt").ignored, ["note", "options"]);
  assertEquals(readPublishedWeights(fixture("beside.pt")).notes, [
    "Ignored what is no tensor beside the weights: note, options",
  ]);
});

Deno.test("readPublishedWeights() tells formats apart by content", () => {
  assertEquals([...readPublishedWeights(fixture("state_dict.pt")).tensors.keys()].sort(), [
    "bias",
    "weight",
  ]);
  const { tensors, path } = readPublishedWeights(fixture("mixed.safetensors"));
  assertEquals([tensors.size, path], [7, []]);
  assertThrows(() => readPublishedWeights(fixture("legacy.pt")), UserError, "PyTorch 1.6 or later");
  assertThrows(() => readPublishedWeights("/none.pt"), UserError, "no such file");
});
