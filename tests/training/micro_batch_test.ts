import { assert, assertEquals } from "@std/assert";
import { sampleSentenceTimestep, tokenTimesteps } from "../../src/diffusion/token_timesteps.ts";
import {
  assembleBatch,
  dropSources,
  evenTimesteps,
  randomTimesteps,
} from "../../src/training/micro_batch.ts";
import { Purpose, Random } from "../../src/training/random.ts";
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
    (slots) => new Int32Array(slots).fill(++row),
  );
  assertEquals([batch.rows, batch.length, batch.slots], [2, 3, 4]);
  assertEquals([...batch.ids], [5, 6, 2, 8, 2, 0]);
  assertEquals([...batch.mask], [1, 1, 1, 1, 1, 0]);
  assertEquals([...batch.targetIds], [7, 2, 0, 0, 9, 10, 11, 2]);
  assertEquals([...batch.weights], [1, 1, 0.25, 0.25, 1, 1, 1, 1]);
  assertEquals([...batch.timesteps], [1, 1, 1, 1, 2, 2, 2, 2]);
});

Deno.test("dropSources() hides all but the first token", () => {
  const batch = assembleBatch(
    PAIRS,
    { slots: 4, padId: 0, paddingWeight: 1 },
    (slots) => new Int32Array(slots),
  );
  dropSources(batch, 0, new Random(1, Purpose.sourceDropout));
  assertEquals([...batch.mask], [1, 1, 1, 1, 1, 0]);
  dropSources(batch, 1, new Random(1, Purpose.sourceDropout));
  assertEquals([...batch.mask], [1, 0, 0, 1, 0, 0]);
});

Deno.test("randomTimesteps() draws one sentence-level index a row", () => {
  const next = randomTimesteps(DIFFUSION, null, new Random(1, Purpose.timesteps));
  const random = new Random(1, Purpose.timesteps);
  const geometry = { kind: "token", slots: 6, steps: 2000, anchorScale: 2 } as const;
  for (let row = 0; row < 20; row++) {
    const index = sampleSentenceTimestep(geometry, random.uniform(), null);
    assertEquals(next(6), tokenTimesteps(geometry, index));
  }
});

Deno.test("randomTimesteps() takes the asked share from the left-to-right phase", () => {
  const next = randomTimesteps(DIFFUSION, 0.5, new Random(1, Purpose.timesteps));
  // In that phase the first slot is done: its timestep is 0.
  const inPhase = Array.from({ length: 2000 }, () => next(20)[0]).filter((t) => t === 0).length;
  assert(Math.abs(inPhase - 1000) < 120, `${inPhase} of 2000`);
});

Deno.test("evenTimesteps() spreads any run of rows over all sentence-level indices", () => {
  const next = evenTimesteps({ ...DIFFUSION, timesteps: "sentence" });
  const drawn = Array.from({ length: 100 }, () => next(3)[0]!);
  const counts = new Array(10).fill(0);
  for (const timestep of drawn) counts[Math.floor(timestep / 200)]++;
  for (const count of counts) assert(count >= 9 && count <= 11, `${counts}`);
});
