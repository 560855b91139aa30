/**
 * How long a call of decoding takes, by rows, slots that each appends, and blocks of waiting slots: a
 * network of the Tatoeba model's size with random weights, on one thread.
 *
 *     deno task bench-decoding [--rows 1,32] [--seconds 1] [--portable]
 *
 * Processor microseconds of the whole process, JavaScript included. `step` and `keep` are the shim's own
 * seconds, which waiting for a busy processor lengthens.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { type NetworkConfig, PLAIN_NETWORK } from "../src/denoiser/config.ts";
import { Denoiser } from "../src/denoiser/denoiser.ts";
import { elementCount, expectedTensors } from "../src/denoiser/parameters.ts";
import { Random } from "../tests/denoiser/random.ts";
import { bfloat16 } from "../tests/native/sample_network.ts";

const NETWORK: NetworkConfig = {
  vocabulary_size: 8000,
  embedding_size: 128,
  hidden_size: 128,
  encoder_layers: 3,
  decoder_layers: 4,
  attention_heads: 8,
  encoder_ffn_size: 512,
  time_channels: 128,
  max_positions: 64,
  time_conditioning: "none",
  ...PLAIN_NETWORK,
  shifted: true,
  token_chain: 256,
};
/** Of a source, and settled slots of a row before its steps begin again. */
const SOURCE_TOKENS = 9, LONGEST = 16;

/** Slots of a call: appended to each row, waiting in a block, and where blocks begin. */
interface Shape {
  readonly stream: number;
  readonly width: number;
  readonly blocks: "none" | "last" | "every" | "later";
}

const SHAPES: readonly Shape[] = [
  { stream: 1, width: 0, blocks: "none" },
  { stream: 3, width: 2, blocks: "last" },
  { stream: 3, width: 2, blocks: "every" },
  { stream: 3, width: 2, blocks: "later" },
  { stream: 5, width: 0, blocks: "none" },
  { stream: 5, width: 4, blocks: "last" },
  { stream: 5, width: 4, blocks: "every" },
  { stream: 5, width: 4, blocks: "later" },
];

const { values: options } = parseArgs({
  options: {
    rows: { type: "string", default: "1,4,32" },
    seconds: { type: "string", default: "1" },
    portable: { type: "boolean", default: false },
  },
});
const random = new Random(1);
const shapes = expectedTensors(NETWORK);
using denoiser = await Denoiser.create(
  NETWORK,
  (name) =>
    Float32Array.from(
      { length: elementCount(shapes.get(name)!) },
      () => bfloat16(0.2 * (random.uniform() - 0.5)), // as models store them
    ),
  { device: { kind: "cpu", index: 0 }, dtype: "f32", threads: 1 },
);
print("rows stream width blocks   cpu us/call  us/row  step us  keep us (choice, draft)");
for (const rows of options.rows.split(",").map(Number)) {
  for (const shape of SHAPES) await measure(rows, shape);
}

async function measure(rows: number, { stream, width, blocks }: Shape): Promise<void> {
  const all = Int32Array.from({ length: rows }, (_, row) => row);
  const start = () =>
    denoiser.decode({
      ids: Int32Array.from({ length: rows * SOURCE_TOKENS }, () => random.below(8000)),
      mask: new Uint8Array(rows * SOURCE_TOKENS).fill(1),
      sources: rows,
      length: SOURCE_TOKENS,
    }, { sourceOfRow: all, positions: LONGEST + 8, portable: options.portable });
  const flags = Uint8Array.from(
    { length: rows * stream },
    (_, i) => Number(blocks === "every" || (blocks === "last" && i % stream === stream - 1)),
  );
  const ids = new Int32Array(rows * stream), draft = new Int32Array(rows * width);
  const streamCounts = new Int32Array(rows).fill(stream);
  const total = { cpu: 0, calls: 0, network: 0, choice: 0, draft: 0, keep: 0 };
  while (total.cpu < 1e6 * Number(options.seconds)) {
    using decoding = await start();
    const before = process.cpuUsage();
    let settled = 0;
    while (settled + stream <= LONGEST + 8 && settled < LONGEST) {
      const streamIds = Int32Array.from({ length: rows * stream }, () => random.below(8000));
      await decoding.step({
        rows: all,
        streamCounts,
        streamIds,
        width,
        blocks: flags,
        top: 1,
        ids,
      });
      const keep = performance.now();
      const counts = blocks === "every" ? Math.min(2, stream) : stream;
      if (width > 0) {
        await decoding.keep({
          rows: all,
          counts: new Int32Array(rows).fill(counts),
          left: ids.slice(0, rows),
          draft,
        });
      }
      total.keep += performance.now() - keep;
      settled += width > 0 ? counts : stream;
      total.calls++;
    }
    const { user, system } = process.cpuUsage(before);
    total.cpu += user + system;
    const seconds = decoding.seconds();
    total.network += seconds.network;
    total.choice += seconds.choice;
    total.draft += seconds.draft;
  }
  const per = (value: number) => value / total.calls;
  const cells = [
    String(rows).padStart(4),
    String(stream).padStart(6),
    String(width).padStart(5),
    blocks.padEnd(6),
    per(total.cpu).toFixed(0).padStart(13),
    (per(total.cpu) / rows).toFixed(1).padStart(7),
    (1e6 * per(total.network)).toFixed(0).padStart(8),
    (1e3 * per(total.keep)).toFixed(0).padStart(8),
    `(${(1e6 * per(total.choice)).toFixed(0)}, ${(1e6 * per(total.draft)).toFixed(0)})`,
  ];
  print(cells.join(" "));
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
