/**
 * The CUDA kernels that travel as PTX. native/tests/unit/cuda_test.cpp runs their source; here, that
 * kernels.ptx is what was made of it, and has the kernels and parameters that kernels.cpp launches.
 */
import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";

const FOLDER = `${import.meta.dirname}/../../native/src`;
const read = (path: string) => Deno.readTextFileSync(`${FOLDER}/${path}`);
const ptx = read("torch/cuda/kernels.ptx");

Deno.test("kernels.ptx was made of kernels.cu as it is", () => {
  const sources = read("torch/cuda/kernels.cu") + read("core/philox.h");
  const hash = createHash("sha256").update(sources).digest("hex");
  assert(ptx.includes(`// ${hash}\n`), "run scripts/check_cuda.sh --write");
});

Deno.test("kernels.ptx has the kernels that are launched, with as many parameters", () => {
  const entries = new Map(
    [...ptx.matchAll(/\.entry (\w+)\(([^)]*)\)/g)]
      .map(([, name, parameters]) => [name!, parameters!.split(",").length]),
  );
  const launcher = read("torch/cuda/kernels.cpp");
  const launches = [...launcher.matchAll(/\brun\([\w.]+\.device\(\)/g)];
  assertEquals(launches.length, 8);
  const named = new Set([...launcher.matchAll(/"(ardiff_\w+)"/g)].map(([, name]) => name!));
  assertEquals([...named].sort(), [...entries.keys()].sort());
  assertEquals(entries.get("ardiff_generation_noise"), 6);
  assertEquals(entries.get("ardiff_update"), 12);
  for (const type of ["f32", "bf16"]) {
    assertEquals(entries.get(`ardiff_add_norm_${type}`), 12);
    assertEquals(entries.get(`ardiff_norm_gradient_${type}`), 12);
    assertEquals(entries.get(`ardiff_geglu_${type}`), 5);
    assertEquals(entries.get(`ardiff_geglu_gradient_${type}`), 6);
  }
  // cuda::Drop of kernels.h, which goes to all of these as it lies in memory.
  const drops = [...ptx.matchAll(/\.param \.align 4 \.b8 \w+\[28\]/g)];
  assertEquals(drops.length, 8);
});
