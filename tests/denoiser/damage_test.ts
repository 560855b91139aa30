/**
 * Damaged model folders: whatever is wrong with a file, loading gives a UserError that names it,
 * never a crash, a hang or a model with wrong weights. Damage is random but seeded.
 */
import { PLAIN_NETWORK } from "../../src/denoiser/config.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { loadModelFolder } from "../../src/denoiser/model_folder.ts";
import { readPublishedWeights } from "../../src/denoiser/published_weights.ts";
import { DATA_TYPE_SIZES } from "../../src/denoiser/tensors.ts";
import { parseTorchCheckpoint } from "../../src/denoiser/torch_checkpoint.ts";
import { readZip } from "../../src/denoiser/zip.ts";
import { UserError } from "../../src/errors.ts";
import { readFileBytes } from "../../src/host/files.ts";
import { Random } from "./random.ts";
import { SAMPLE_CONFIG } from "./sample_config.ts";
import { writeSampleFolder } from "./sample_folder.ts";
import { fixture, withFolder } from "./test_files.ts";
import { writeZip } from "./zip_writer.ts";

const ROUNDS = 150;

type Bytes = Uint8Array<ArrayBuffer>;
type Damage = (bytes: Bytes, random: Random) => Bytes;

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const encode = (text: string): Bytes => new TextEncoder().encode(text);

/** Cuts a file anywhere before its last meaningful byte. */
const truncate: Damage = (bytes, random) => {
  const end = bytes.findLastIndex((byte) => byte > 0x20);
  return bytes.slice(0, random.below(end));
};

/** Flips some bits: the one kind of damage that may happen to be harmless. */
const flipBits: Damage = (bytes, random) => {
  const copy = bytes.slice();
  for (let flips = 1 + random.below(4); flips > 0; flips--) {
    copy[random.below(copy.length)]! ^= 1 << random.below(8);
  }
  return copy;
};

/** Every object of parsed JSON. */
function* objectsOf(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const entry of Object.values(value)) yield* objectsOf(entry);
}

/** Changes one key of one object of a JSON text. */
function changeKey(
  change: (object: Record<string, unknown>, key: string, random: Random) => void,
): Damage {
  return (bytes, random) => {
    const root = JSON.parse(decode(bytes));
    const object = random.pick([...objectsOf(root)].filter((it) => Object.keys(it).length > 0));
    change(object, random.pick(Object.keys(object)), random);
    return encode(JSON.stringify(root));
  };
}

/** Changes the header of a safetensors file, whose length stays honest. */
function changeHeader(
  change: (header: Record<string, Entry>, name: string, random: Random) => void,
): Damage {
  return (bytes, random) => {
    const dataStart = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(decode(bytes.subarray(8, dataStart)));
    const names = Object.keys(header).filter((name) => name !== "__metadata__");
    change(header, random.pick(names), random);
    const json = encode(JSON.stringify(header));
    const damaged = new Uint8Array(8 + json.length + bytes.length - dataStart);
    new DataView(damaged.buffer).setBigUint64(0, BigInt(json.length), true);
    damaged.set(json, 8);
    damaged.set(bytes.subarray(dataStart), 8 + json.length);
    return damaged;
  };
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: number[];
}

const CONFIG_DAMAGE: Record<string, Damage> = {
  "is truncated": truncate,
  // Later keys may be missing: then another one goes.
  "lacks a key": changeKey((object, key) =>
    delete object[key in PLAIN_NETWORK ? "hidden_size" : key]
  ),
  "has a misspelt key": changeKey((object, key, random) => {
    const at = random.below(key.length);
    object[key.slice(0, at) + "_" + key.slice(at)] = object[key];
    delete object[key];
  }),
  "has a value of the wrong type": changeKey((object, key, random) => {
    object[key] = random.pick([[], {}, [1], { a: 1 }]);
  }),
};

const WEIGHTS_DAMAGE: Record<string, Damage> = {
  "are truncated": truncate,
  "have a lying header length": (bytes, random) => {
    const copy = bytes.slice();
    const view = new DataView(copy.buffer);
    const lie = random.pick([1n, 7n, 100n, 1n << 31n, 1n << 40n, 1n << 62n]);
    view.setBigUint64(0, view.getBigUint64(0, true) + lie, true);
    return copy;
  },
  "have a wrong dtype": changeHeader((header, name, random) => {
    const { dtype } = header[name]!;
    const others = [...Object.keys(DATA_TYPE_SIZES), "F8", "", "f32"];
    header[name]!.dtype = random.pick(others.filter((other) => other !== dtype));
  }),
  "have a wrong shape": changeHeader((header, name, random) => {
    const { shape } = header[name]!;
    const axis = random.below(shape.length);
    shape[axis] = random.pick([0, -1, 2 ** 31, 2 ** 53, shape[axis]! + 1, shape[axis]! - 1]);
  }),
  "have wrong offsets": changeHeader((header, name, random) => {
    header[name]!.data_offsets[random.below(2)]! += random.pick([-4, 4, 1, -1, 2 ** 40]);
  }),
  "lack a tensor": changeHeader((header, name) => delete header[name]),
  "have a renamed tensor": changeHeader((header, name) => {
    header[`${name}_`] = header[name]!;
    delete header[name];
  }),
  "have NaN or infinity": (bytes, random) => {
    const copy = bytes.slice();
    const view = new DataView(copy.buffer);
    const dataStart = 8 + Number(view.getBigUint64(0, true));
    const at = dataStart + 4 * random.below((copy.length - dataStart) / 4);
    view.setFloat32(at, random.pick([NaN, Infinity, -Infinity]), true);
    return copy;
  },
};

function testDamage(file: string, kinds: Record<string, Damage>): void {
  for (const [kind, damage] of Object.entries(kinds)) {
    Deno.test(
      `loadModelFolder() refuses a folder where ${file} ${kind}`,
      withFolder((folder) => {
        const path = `${folder}/model`;
        writeSampleFolder(path, SAMPLE_CONFIG);
        const intact = readFileBytes(`${path}/${file}`);
        for (let seed = 0; seed < ROUNDS; seed++) {
          Deno.writeFileSync(`${path}/${file}`, damage(intact, new Random(seed)));
          const error = assertThrows(() => loadModelFolder(path), UserError);
          assert(error.message.includes(`${path}/${file}`), `seed ${seed}: ${error.message}`);
        }
      }),
    );
  }
}

testDamage("config.json", CONFIG_DAMAGE);
testDamage("model.safetensors", WEIGHTS_DAMAGE);

/** Runs a reader that may accept a file, but must not fail with anything but a UserError. */
function survives(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

for (const file of ["config.json", "model.safetensors", "tokenizer.json"]) {
  Deno.test(
    `loadModelFolder() refuses flipped bits in ${file}`,
    withFolder((folder) => {
      const path = `${folder}/model`;
      writeSampleFolder(path, SAMPLE_CONFIG, { tokenizerJson: '{"é": "ü"}' });
      const intact = readFileBytes(`${path}/${file}`);
      for (let seed = 0; seed < ROUNDS; seed++) {
        const damaged = flipBits(intact, new Random(seed)); // or intact, where flips meet
        Deno.writeFileSync(`${path}/${file}`, damaged);
        const isIntact = damaged.every((byte, i) => byte === intact[i]);
        assertEquals(survives(() => loadModelFolder(path)), isIntact, `seed ${seed}`);
      }
    }),
  );
}

for (const name of ["training.pt", "protocol4.pt", "mixed.safetensors"]) {
  Deno.test(
    `readPublishedWeights() survives damage to ${name}`,
    withFolder((folder) => {
      const intact = readFileBytes(fixture(name));
      const path = `${folder}/${name}`;
      for (let seed = 0; seed < ROUNDS; seed++) {
        const random = new Random(seed);
        Deno.writeFileSync(path, truncate(intact, random));
        assert(!survives(() => readPublishedWeights(path)), `seed ${seed}: truncated`);
        Deno.writeFileSync(path, flipBits(intact, random));
        survives(() => readPublishedWeights(path));
      }
    }),
  );
}

Deno.test("parseTorchCheckpoint() survives flipped bits in a pickle whose checksum is right", () => {
  const fail = (problem: string): never => {
    throw new Error(problem);
  };
  for (const name of ["training.pt", "protocol4.pt"]) {
    const entries = readZip(readFileBytes(fixture(name)), fail);
    const pickle = [...entries.keys()].find((entry) => entry.endsWith("/data.pkl"))!;
    let accepted = 0;
    for (let seed = 0; seed < 4 * ROUNDS; seed++) {
      const damaged = flipBits(entries.get(pickle)!, new Random(seed));
      const archive = writeZip(new Map([...entries, [pickle, damaged]]));
      if (survives(() => parseTorchCheckpoint(archive, name))) accepted++;
    }
    assert(accepted > 0 && accepted < 2 * ROUNDS, `${accepted} accepted`);
  }
});
