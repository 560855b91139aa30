/** A tiny training run for tests: data, configuration, and ways to start it. */
import { assertEquals } from "@std/assert";
import { train } from "../../src/commands/train.ts";
import { floatTensor, readSafetensors, writeSafetensors } from "../../src/denoiser/safetensors.ts";
import { toFloat32 } from "../../src/denoiser/tensors.ts";
import { readFileBytes } from "../../src/host/files.ts";
import type { TrainOptions } from "../../src/training/request.ts";

const WORDS = ["dog", "cat", "ball", "snow", "tree", "man", "boat", "hill"];

/** Writes data and a configuration of a run of 200 steps, and returns the configuration's path. */
export function writeRun(folder: string): string {
  const pairs = Array.from({ length: 150 }, (_, i) => {
    const [a, b] = [WORDS[i % 8], WORDS[(3 * i + Math.floor(i / 8)) % 8]];
    return { source: `${a} ${b}`, target: `the ${a} sees the ${b}${i % 3 === 0 ? " again" : ""}` };
  });
  Deno.writeTextFileSync(`${folder}/train.src`, pairs.map(({ source }) => `${source}\n`).join(""));
  Deno.writeTextFileSync(`${folder}/train.tgt`, pairs.map(({ target }) => `${target}\n`).join(""));
  Deno.writeTextFileSync(
    `${folder}/dev.tsv`,
    pairs.slice(0, 12).map(({ source, target }) => `${source}\t${target}\n`).join(""),
  );
  const path = `${folder}/tiny.toml`;
  Deno.writeTextFileSync(path, CONFIG.replaceAll("FOLDER", folder));
  return path;
}

/**
 * Writes data and a configuration of a run of 200 steps in which nothing stays as it is: two sets of
 * data, scheduled options, and the chain head alone at the end.
 */
export function writeRunInPhases(folder: string): string {
  const path = writeRun(folder);
  const lines = Array.from(
    { length: 70 },
    (_, i) => `${WORDS[i % 8]}\tone ${WORDS[i % 5]} sleeps\n`,
  );
  Deno.writeTextFileSync(`${folder}/late.tsv`, lines.join(""));
  const phases = `
[[data.train]]
format = "text"
source_file = "${folder}/train.src"
target_file = "${folder}/train.tgt"
until = 110

[[data.train]]
format = "tsv"
file = "${folder}/late.tsv"
from = 50
`;
  const toml = Deno.readTextFileSync(path)
    .replace(/\[data.train\][^[]*/, phases)
    .replace("self_conditioning = true", "shifted = true\ntoken_chain = 8")
    .replace("time_channels = 8", 'time_conditioning = "none"')
    .replace("left_to_right_share = 0.3", "anchor_distance = 1")
    .replace("noise_factor = 2", "")
    .replace("batch_size = 8", "batch_tokens = 90")
    .replace("accumulation = 2", "accumulation = { 0 = 1, 30 = 2 }")
    .replace("dropout = 0.1", "dropout = { 0 = 0.2, 77 = 0.1 }")
    .replace(
      "threads = 1",
      "threads = 1\nwaiting_weight = { 0 = 0, 60 = 0.3 }\nwaiting_slots = { 0 = [0], 60 = [1, 2] }\n" +
        'train_only = { 0 = "all", 150 = "token_chain" }\nsquared_error = 0',
    );
  Deno.writeTextFileSync(path, toml);
  return path;
}

/** The same, of a run that distils its second set itself, after 110 updates. */
export function writeDistillingRun(folder: string): string {
  const path = writeRunInPhases(folder);
  const toml = Deno.readTextFileSync(path)
    .replace(
      /(until = 110\s+)\[\[data\.train\]\][^[]*/,
      `$1[[data.train]]\nfrom = 110\n${DISTILL}\n\n`,
    )
    .replace('length = "batch"', 'length = "fixed"');
  Deno.writeTextFileSync(path, toml);
  return path;
}

const DISTILL = "distill = { candidates = 2, temperature = 2, epsilon = 0, references = 0.2 }";

const CONFIG = `
[data.train]
format = "text"
source_file = "FOLDER/train.src"
target_file = "FOLDER/train.tgt"

[data.dev]
format = "tsv"
file = "FOLDER/dev.tsv"

[tokenizer]
vocabulary_size = 300

[text]
target_slots = 12
length = "batch"
max_source_tokens = 8

[network]
embedding_size = 8
hidden_size = 16
encoder_layers = 1
decoder_layers = 1
attention_heads = 2
encoder_ffn_size = 32
time_channels = 8
max_positions = 12
self_conditioning = true
embedding_layer_norm = true

[diffusion]
noise_factor = 2
left_to_right_share = 0.3

[training]
steps = 200
batch_size = 8
accumulation = 2
learning_rate = 3e-3
warmup_steps = 20
decay = "linear"
clip_norm = 1
ema_decay = 0.99
dropout = 0.1
attention_dropout = 0.1
rounding_loss = "prediction"
label_smoothing = 0.1
self_conditioning_noise = 0.1
source_dropout = 0.1
padding_weight = 0.5
threads = 1
device = "cpu"

[validation]
every = 0
lines = 6
steps = 2
samples = 2

[checkpoints]
every = 50

[log]
every = 10
`;

/** What a run wrote. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
}

/** Trains in this process. */
export async function runTraining(config: string, options: TrainOptions): Promise<Outcome> {
  const outcome = { stdout: "", stderr: "" };
  await train({ config, ...options }, {
    stdout: (text) => void (outcome.stdout += text),
    stderr: (text) => void (outcome.stderr += text),
    interactive: false,
  });
  return outcome;
}

/** The command that trains in a process of its own. */
export function trainingProcess(config: string, output: string, ...options: string[]): string[] {
  const script = new URL("./train_process.ts", import.meta.url).pathname;
  return [
    Deno.execPath(),
    "run",
    "--frozen",
    "--allow-read",
    "--allow-write",
    "--allow-env",
    "--allow-ffi",
    decodeURIComponent(script),
    config,
    output,
    ...options,
  ];
}

/** Asserts that two checkpoints hold the same weights, moments and averages, bit for bit. */
export function assertSameWeights(left: string, right: string): void {
  for (const file of ["training.safetensors", "model.safetensors"]) {
    const [a, b] = [left, right].map((folder) => readFileBytes(`${folder}/${file}`)) as [
      Uint8Array,
      Uint8Array,
    ];
    assertEquals(a.length, b.length, file);
    assertEquals(a.findIndex((byte, i) => byte !== b[i]), -1, `first difference in ${file}`);
  }
}

/** Makes the weights so large that the loss overflows. */
export function overflowWeights(path: string): void {
  const { tensors } = readSafetensors(path);
  const changed = [...tensors].map(([name, tensor]) => {
    const values = toFloat32(tensor);
    return floatTensor(
      name,
      tensor.shape,
      () => name === "weights" ? values.fill(1e30) : values,
      "F32",
    );
  });
  writeSafetensors(path, changed);
  Deno.removeSync(path.replace(/[^/]*$/, "manifest.json")); // which would tell
}
