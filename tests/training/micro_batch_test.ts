import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { TokenTimesteps } from "../../src/diffusion/timesteps/token.ts";
import {
  assembleBatch,
  dropSources,
  evenTimesteps,
  randomTimesteps,
  weightOf,
} from "../../src/training/micro_batch.ts";
import { Random } from "../../src/random.ts";
import { Purpose } from "../../src/training/random.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";

const PAIRS = [
  { source: Uint16Array.of(5, 6, 2), target: Uint16Array.of(7, 2) },
  { source: Uint16Array.of(8, 2), target: Uint16Array.of(9, 10, 11, 2) },
];
const DIFFUSION = {
  ...SAMPLE_CONFIG.diffusion,
  steps: 2000,
  timesteps: "token",
  anchor_scale: 2,
} as const;

Deno.test("assembleBatch() pads sources, targets and weights", () => {
  let row = 0;
  const batch = assembleBatch(
    PAIRS,
    { slots: 4, padId: 0, paddingWeight: 0.25 },
    (slots) => ({ timesteps: new Int32Array(slots).fill(++row), present: slots, settled: 0 }),
  );
  assertEquals([batch.rows, batch.length, batch.slots], [2, 3, 4]);
  assertEquals([...batch.ids], [5, 6, 2, 8, 2, 0]);
  assertEquals([...batch.mask], [1, 1, 1, 1, 1, 0]);
  assertEquals([...batch.targetIds], [7, 2, 0, 0, 9, 10, 11, 2]);
  assertEquals([...batch.weights], [1, 1, 0.25, 0.25, 1, 1, 1, 1]);
  assertEquals([...batch.timesteps], [1, 1, 1, 1, 2, 2, 2, 2]);
});

Deno.test("assembleBatch() leaves slots out, which nothing attends to and no loss counts", () => {
  const present = [1, 3];
  const batch = assembleBatch(
    PAIRS,
    { slots: 4, padId: 0, paddingWeight: 0.25 },
    (slots) => ({
      timesteps: new Int32Array(slots).fill(9),
      present: present.shift()!,
      settled: 0,
    }),
  );
  assertEquals([batch.rows, batch.slots], [2, 3]);
  assertEquals([...batch.targetIds], [7, 2, 0, 9, 10, 11]);
  assertEquals([...batch.weights], [1, 0, 0, 1, 1, 1]);
  assertEquals([...batch.keyMask!], [1, 0, 0, 1, 1, 1]);
  assertEquals(batch.timesteps.length, 6);
});

Deno.test("weightOf() is the sum of a batch's weights", () => {
  const settings = { slots: 24, padId: 0, paddingWeight: 0.25 };
  const pairs = Array.from({ length: 30 }, (_, i) => ({
    source: Uint16Array.of(5, 2),
    target: new Uint16Array(1 + i % 24).fill(7),
  }));
  const lengths = pairs.map(({ target }) => target.length);
  for (const anchor_distance of [null, 1, 3]) {
    for (let place = 0; place < 40; place++) {
      const timesteps = () =>
        randomTimesteps(
          { ...DIFFUSION, anchor_distance },
          0.8,
          new Random(place, Purpose.timesteps),
        );
      const { weights } = assembleBatch(pairs, settings, timesteps());
      const sum = weights.reduce((total, weight) => total + weight, 0);
      assertAlmostEquals(weightOf(lengths, settings, timesteps()), sum, 1e-9);
    }
  }
});

Deno.test("dropSources() hides all but the first token", () => {
  const batch = assembleBatch(
    PAIRS,
    { slots: 4, padId: 0, paddingWeight: 1 },
    (slots) => ({ timesteps: new Int32Array(slots), present: slots, settled: 0 }),
  );
  dropSources(batch, 0, new Random(1, Purpose.sourceDropout));
  assertEquals([...batch.mask], [1, 1, 1, 1, 1, 0]);
  dropSources(batch, 1, new Random(1, Purpose.sourceDropout));
  assertEquals([...batch.mask], [1, 0, 0, 1, 0, 0]);
});

Deno.test("randomTimesteps() draws one sentence-level index a row", () => {
  const next = randomTimesteps(DIFFUSION, null, new Random(1, Purpose.timesteps));
  const random = new Random(1, Purpose.timesteps);
  const timesteps = new TokenTimesteps(DIFFUSION, 6);
  for (let row = 0; row < 20; row++) {
    const index = Math.floor(random.uniform() * timesteps.count);
    assertEquals(next(6, 6), { timesteps: timesteps.at(index), present: 6, settled: 0 });
  }
});

Deno.test("randomTimesteps() takes the asked share from the left-to-right phase", () => {
  const next = randomTimesteps(DIFFUSION, 0.5, new Random(1, Purpose.timesteps));
  // In that phase the first slot is done: its timestep is 0.
  const first = Array.from({ length: 2000 }, () => next(20, 20).timesteps[0]);
  const inPhase = first.filter((t) => t === 0).length;
  assert(Math.abs(inPhase - 1000) < 120, `${inPhase} of 2000`);
});

Deno.test("randomTimesteps() keeps the rows of a batch together where slots are left out", () => {
  const moving = { ...DIFFUSION, anchor_distance: 3 };
  const starts: number[] = [];
  for (let microBatch = 0; microBatch < 400; microBatch++) {
    const next = randomTimesteps(moving, 0.9, new Random(1, Purpose.timesteps, microBatch));
    const rows = Array.from({ length: 8 }, () => next(24, 12));
    const settled = rows.map(({ timesteps }) => timesteps.lastIndexOf(0) + 1);
    assert(Math.max(...settled) - Math.min(...settled) <= 4, `${settled}`);
    const waiting = new Set(
      rows.map(({ timesteps, present }) =>
        timesteps.subarray(0, present).filter((t) => t === 1999).length
      ),
    );
    assert(waiting.size === 1 && Math.max(...waiting) <= 6, `${[...waiting]}`);
    starts.push(settled[0]!);
  }
  // All places are as likely as if rows were drawn one by one: none, or 2 to 11 of 12 tokens settled.
  const counts = Map.groupBy(starts, (start) => start);
  assertEquals(Math.max(...starts), 11);
  for (let start = 2; start <= 11; start++) {
    const count = counts.get(start)?.length ?? 0;
    assert(count > 15 && count < 65, `${start}: ${count}`);
  }
});

Deno.test("evenTimesteps() spreads any run of rows over all sentence-level indices", () => {
  const next = evenTimesteps({ ...DIFFUSION, timesteps: "sentence" }, null);
  const drawn = Array.from({ length: 100 }, () => next(3, 3).timesteps[0]!);
  const counts = new Array(10).fill(0);
  for (const timestep of drawn) counts[Math.floor(timestep / 200)]++;
  for (const count of counts) assert(count >= 9 && count <= 11, `${counts}`);
});
