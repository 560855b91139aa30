/**
 * How many kernels the path that CUDA takes launches, counted on the CPU by bench/kernels.cpp: a bound
 * for each case. Who lowers a number lowers its bound.
 */
import { assert, assertEquals } from "@std/assert";

const program = decodeURIComponent(
  new URL("../../build/native/count_kernels", import.meta.url).pathname,
);

const BOUNDS: Readonly<Record<string, number>> = {
  "generation step, f32": 95,
  "generation step, bf16": 95,
  "decoding call, f32": 95,
  "draft of 4 tokens, f32": 40,
  "decoding call, bf16": 95,
  "draft of 4 tokens, bf16": 40,
  "training micro-batch, f32": 700,
  "training micro-batch, bf16": 700,
  "training micro-batch, f32, dropout": 700,
  "training micro-batch, bf16, dropout": 700,
};

Deno.test("a step and a micro-batch launch no more kernels than their bounds", async () => {
  const { code, stdout, stderr } = await new Deno.Command(program).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const counts = new TextDecoder().decode(stdout).trim().split("\n").map((line) => {
    const [, count, name] = /^(\d+) (.*)$/.exec(line)!;
    return [name!, Number(count)] as const;
  });
  assertEquals(counts.map(([name]) => name), Object.keys(BOUNDS));
  for (const [name, count] of counts) {
    assert(
      count > 0 && count <= BOUNDS[name]!,
      `${name}: ${count} kernels, ${BOUNDS[name]} allowed`,
    );
  }
});
