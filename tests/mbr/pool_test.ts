import { assertEquals, assertRejects } from "@std/assert";
import { SelectionPool } from "../../src/mbr/pool.ts";
import { select, type SelectionOptions } from "../../src/mbr/select.ts";
import { randomCandidates } from "./random_candidates.ts";

/** Small inputs, which stay on the caller's thread, and large ones, which do not. */
const inputs = Array.from({ length: 12 }, (_, seed) => randomCandidates(seed, seed % 3 ? 60 : 2));

for (const threads of [1, 3]) {
  Deno.test(`SelectionPool.select() selects as select() does with ${threads} threads`, async () => {
    const options: SelectionOptions = { utility: "chrf", method: "prune" };
    using pool = new SelectionPool(threads);
    const selections = await Promise.all(
      inputs.map((candidates) => pool.select(candidates, options)),
    );
    assertEquals(selections, inputs.map((candidates) => select(candidates, options)));
  });
}

Deno.test("SelectionPool.select() passes weights on", async () => {
  using pool = new SelectionPool(2);
  const candidates = randomCandidates(1, 60);
  const options: SelectionOptions = { utility: "bleu", weights: candidates.map((_, i) => i % 7) };
  assertEquals(await pool.select(candidates, options), select(candidates, options));
});

Deno.test("SelectionPool.select() rejects as select() throws, and goes on", async () => {
  using pool = new SelectionPool(2);
  const candidates = randomCandidates(1, 60);
  const failing = pool.select(candidates, { utility: "bleu", weights: [1] });
  await assertRejects(() => failing, RangeError, "with 1 weights");
  const selection = await pool.select(candidates, { utility: "bleu" });
  assertEquals(selection, select(candidates, { utility: "bleu" }));
});

Deno.test({
  name: "SelectionPool.select() does without threads that cannot be started",
  permissions: { read: false },
  async fn() {
    using pool = new SelectionPool(2);
    const options: SelectionOptions = { utility: "bleu" };
    const selections = await Promise.all(
      inputs.map((candidates) => pool.select(candidates, options)),
    );
    assertEquals(selections, inputs.map((candidates) => select(candidates, options)));
  },
});
