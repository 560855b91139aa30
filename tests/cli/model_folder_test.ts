import { assert, assertEquals, assertMatch } from "@std/assert";
import { linesOf, withShell } from "./shell.ts";

/** Replaces part of a file's text. */
function edit(path: string, from: string | RegExp, to: string): void {
  const text = Deno.readTextFileSync(path);
  const changed = text.replace(from, to);
  assert(changed !== text, `nothing to replace in ${path}`);
  Deno.writeTextFileSync(path, changed);
}

/** Rewrites the JSON header of a safetensors file. */
function editHeader(
  path: string,
  change: (header: Record<string, { dtype: string }>) => void,
): void {
  const bytes = Deno.readFileSync(path);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  change(header);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const written = new Uint8Array(8 + text.length + bytes.length - 8 - length);
  new DataView(written.buffer).setBigUint64(0, BigInt(text.length), true);
  written.set(text, 8);
  written.set(bytes.subarray(8 + length), 8 + text.length);
  Deno.writeFileSync(path, written);
}

const CONFIG = "config.json", WEIGHTS = "model.safetensors", TOKENIZER = "tokenizer.json";

/** How a model folder can be damaged, and what the error must name. */
const DAMAGES: readonly [what: string, message: RegExp, damage: (model: string) => void][] = [
  ["without configuration", /config\.json/, (model) => Deno.removeSync(`${model}/${CONFIG}`)],
  ["without weights", /model\.safetensors/, (model) => Deno.removeSync(`${model}/${WEIGHTS}`)],
  ["without tokenizer", /tokenizer\.json/, (model) => Deno.removeSync(`${model}/${TOKENIZER}`)],
  [
    "whose configuration is cut off",
    /config\.json.*JSON/,
    (model) => Deno.truncateSync(`${model}/${CONFIG}`, 200),
  ],
  [
    "with an unknown key",
    /unknown key.*"network\.hidden_sise"/,
    (model) => edit(`${model}/${CONFIG}`, `"hidden_size"`, `"hidden_sise"`),
  ],
  [
    "with a value of the wrong type",
    /"diffusion\.steps" is "many"/,
    (model) => edit(`${model}/${CONFIG}`, /"steps": \d+/, `"steps": "many"`),
  ],
  [
    "whose configuration does not fit the weights",
    /model\.safetensors.*shape/,
    (model) => edit(`${model}/${CONFIG}`, /"encoder_ffn_size": \d+/, `"encoder_ffn_size": 17`),
  ],
  [
    "whose weights are cut off",
    /model\.safetensors/,
    (model) => Deno.truncateSync(`${model}/${WEIGHTS}`, 5_000),
  ],
  [
    "whose header lies about its length",
    /model\.safetensors.*header/,
    (model) => {
      const bytes = Deno.readFileSync(`${model}/${WEIGHTS}`);
      bytes[6] = 0x7f;
      Deno.writeFileSync(`${model}/${WEIGHTS}`, bytes);
    },
  ],
  [
    "with weights of the wrong type",
    /LayerNorm\.bias/,
    (model) =>
      editHeader(`${model}/${WEIGHTS}`, (header) => header["LayerNorm.bias"]!.dtype = "I32"),
  ],
  [
    "with a weight of another name",
    /tensor "LayerNorm\.bias" is missing/,
    (model) =>
      editHeader(`${model}/${WEIGHTS}`, (header) => {
        header["LayerNorm.bayes"] = header["LayerNorm.bias"]!;
        delete header["LayerNorm.bias"];
      }),
  ],
  [
    "with NaN among its weights",
    /has NaN or infinity at position/,
    (model) => {
      const bytes = Deno.readFileSync(`${model}/${WEIGHTS}`);
      bytes.fill(0xff, -4);
      Deno.writeFileSync(`${model}/${WEIGHTS}`, bytes);
    },
  ],
  [
    "whose tokenizer is cut off",
    /tokenizer\.json/,
    (model) => Deno.truncateSync(`${model}/${TOKENIZER}`, 300),
  ],
  [
    "whose tokenizer is another file",
    /tokenizer\.json/,
    (model) => Deno.copyFileSync(`${model}/${CONFIG}`, `${model}/${TOKENIZER}`),
  ],
];

for (const [what, message, damage] of DAMAGES) {
  Deno.test(
    `ardiff generate refuses a model folder ${what}`,
    withShell(async ({ folder, run }) => {
      damage(`${folder}/model`);
      const { code, stdout, stderr } = await run("echo a dog | ardiff generate --model model");
      assertEquals([code, stdout], [4, ""], stderr);
      assertMatch(stderr, /^Error: .*\n$/, "one sentence");
      assertEquals(linesOf(stderr).length, 1, stderr);
      assertMatch(stderr, message);
    }),
  );
}

Deno.test(
  "ardiff import makes a model folder that generates as the one it came from",
  withShell(async ({ run }) => {
    const generate = (model: string) =>
      run(
        `printf 'a dog\\nthe red house\\n' | ardiff generate --model ${model} --device cpu --steps 3`,
      );
    const imported = await run(`ardiff import --weights model/${WEIGHTS} --config model/${CONFIG} \
      --tokenizer model/${TOKENIZER} --output imported`);
    assertEquals([imported.code, imported.stdout], [0, ""], imported.stderr);
    assertEquals((await generate("imported")).stdout, (await generate("model")).stdout);
    const info = await run("ardiff info imported");
    assertEquals(info.code, 0);
    assertMatch(info.stdout, /imported from model\.safetensors/);
    const again = await run(`ardiff import --weights model/${WEIGHTS} --config model/${CONFIG} \
      --tokenizer model/${TOKENIZER} --output imported`);
    assertEquals(again.code, 7, again.stderr);
    const swapped = await run(`ardiff import --weights model/${CONFIG} --config model/${CONFIG} \
      --tokenizer model/${TOKENIZER} --output other`);
    assertEquals(swapped.code, 4);
    assertMatch(swapped.stderr, /neither safetensors nor/);
  }),
);
