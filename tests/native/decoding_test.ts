import { assertEquals } from "@std/assert";
import type { NativeDecoding } from "../../src/native/decoding.ts";
import { F32 } from "./sample_network.ts";
import {
  assertNear,
  BLOCK,
  RECORDED,
  recordedDenoiser,
  recordedSources,
  ROWS,
  SETTLED,
} from "./recorded_network.ts";

const VOCABULARY = 37;
/** Log-probabilities are differences of logits, whose size is about 10. */
const NEAR = { least: 1 };
const ALL_ROWS = Int32Array.from({ length: ROWS }, (_, row) => row);
const BLOCK_START = RECORDED.integers("block_start");

/** Feeds the recorded texts to all rows, blocks where the recording has them. */
async function feed(decoding: NativeDecoding, blocks: boolean) {
  const tokens = RECORDED.integers("tokens");
  const slots = ROWS * SETTLED;
  const streamIds = Int32Array.from(
    { length: slots },
    (_, i) => i % SETTLED === 0 ? 1 : tokens[i - 1]!,
  );
  const block = new Uint8Array(slots);
  for (const start of BLOCK_START) {
    for (let row = 0; row < ROWS; row++) block[row * SETTLED + start] = 1;
  }
  const ids = new Int32Array(slots * VOCABULARY);
  const logProbability = new Float32Array(slots * VOCABULARY);
  const wanted = { ids: tokens, logProbabilities: new Float32Array(slots) };
  await decoding.step({
    rows: ALL_ROWS,
    streamCounts: new Int32Array(ROWS).fill(SETTLED),
    streamIds,
    width: BLOCK,
    blocks: blocks ? block : block.fill(0),
    top: VOCABULARY,
    ids,
    logProbabilities: logProbability,
    wanted,
  });
  return { ids, logProbability, wanted };
}

for (const portable of [true, false]) {
  const kernels = portable ? "the portable path" : "CPU kernels";

  Deno.test(`${kernels} decode as plain PyTorch does`, async () => {
    using denoiser = await recordedDenoiser({ ...F32, threads: 1 });
    const options = { sourceOfRow: ALL_ROWS, positions: SETTLED, portable };
    const expected = RECORDED.floats("log_probability");
    const drafts = RECORDED.integers("draft_ids");
    const draftScores = RECORDED.floats("draft_log_probability");
    const tokens = RECORDED.integers("tokens");
    for (const blocks of [true, false]) { // beside the stream, or in a call of their own
      using decoding = await denoiser.decode(recordedSources(), options);
      const { ids, logProbability, wanted } = await feed(decoding, blocks);
      const byId = new Float32Array(expected.length);
      ids.forEach((id, i) => byId[i - i % VOCABULARY + id] = logProbability[i]!);
      assertNear(byId, expected, NEAR, "log-probabilities of all tokens");
      const ofWanted = Float32Array.from(tokens, (id, i) => expected[i * VOCABULARY + id]!);
      assertNear(wanted.logProbabilities, ofWanted, NEAR, "log-probabilities of wanted tokens");
      for (const [block, start] of [...BLOCK_START.entries()].reverse()) {
        const left = Int32Array.from(ALL_ROWS, (row) => tokens[row * SETTLED + start]!);
        const draft = new Int32Array(ROWS * BLOCK), scored = new Float32Array(ROWS * BLOCK);
        await decoding.keep({
          rows: ALL_ROWS,
          counts: left.slice().fill(start + 1),
          left,
          draft,
          draftLogProbabilities: scored,
        });
        for (const row of ALL_ROWS) {
          const at = (row * BLOCK_START.length + block) * BLOCK;
          const own = [row * BLOCK, (row + 1) * BLOCK] as const;
          assertEquals(draft.slice(...own), drafts.slice(at, at + BLOCK));
          const scores = draftScores.subarray(at, at + BLOCK);
          assertNear(scored.subarray(...own), scores, NEAR, `draft from ${start}`);
        }
      }
    }
  });
}
