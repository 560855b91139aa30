import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { info, type InfoOptions } from "../../src/commands/info.ts";
import { parameterCounts } from "../../src/denoiser/parameters.ts";
import { UserError } from "../../src/errors.ts";
import { readTextFile } from "../../src/host/files.ts";
import { changed, SAMPLE_CONFIG } from "../denoiser/sample_config.ts";
import { writeSampleFolder } from "../denoiser/sample_folder.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { TOKENIZER, TOKENIZER_SIZE } from "./sample_tokenizer.ts";

const config = changed(SAMPLE_CONFIG, "network.vocabulary_size", TOKENIZER_SIZE);

async function run(options: InfoOptions): Promise<string> {
  let stdout = "";
  await info(options, { stdout: (text) => void (stdout += text) });
  return stdout;
}

function writeModel(folder: string): string {
  const model = `${folder}/model`;
  writeSampleFolder(model, config, { tokenizerJson: readTextFile(TOKENIZER), dtype: "BF16" });
  return model;
}

Deno.test(
  "info() prints what people ask of a model",
  withFolder(async (folder) => {
    const model = writeModel(folder);
    const text = await run({ model });
    assertEquals(text.startsWith(`${model} (ardiff-model-1)\n\nnetwork\n`), true, text);
    const { total } = parameterCounts(config.network);
    assertMatch(text, new RegExp(`^  total +${total.toLocaleString("en")}$`, "m"));
    assertMatch(text, /^ {2}hidden_size +8$/m);
    assertMatch(text, /^ {2}bos_id +none$/m);
    assertMatch(text, /^ {2}dtypes +BF16$/m);
    assertMatch(text, /^ {2}kind +bpe$/m);
    assertMatch(text, /^ {2}source +random numbers$/m);
  }),
);

Deno.test(
  "info() prints the same as JSON for machines",
  withFolder(async (folder) => {
    const model = writeModel(folder);
    const value = JSON.parse(await run({ model, json: true }));
    const parameters = parameterCounts(config.network);
    assertEquals(value, {
      path: model,
      ...config,
      parameters,
      weights: { dtypes: ["BF16"], bytes: 2 * parameters.total },
      tokenizer: {
        kind: "bpe",
        vocabulary_size: TOKENIZER_SIZE,
        pad: "<pad>",
        bos: null,
        eos: "</s>",
      },
    });
  }),
);

Deno.test("info() refuses what is not a model folder", async () => {
  await assertRejects(() => run({ model: "/none" }), UserError, 'Cannot load model "/none"');
});

Deno.test(
  "info() obeys no escape sequence of a model's provenance",
  withFolder(async (folder) => {
    const provenance = {
      ...config.provenance,
      source: "a\x1b[2J\nError: forged",
      "k\x9bey": "\u202ex",
    };
    const model = `${folder}/model`;
    const options = { tokenizerJson: readTextFile(TOKENIZER), dtype: "BF16" } as const;
    writeSampleFolder(model, { ...config, provenance }, options);
    const text = await run({ model });
    assertMatch(text, /source +a\\u001b\[2J\\nError: forged$/m);
    assertMatch(text, /k\\u009bey +\\u202ex$/m);
    const json = await run({ model, json: true });
    // deno-lint-ignore no-control-regex
    assertEquals(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(json + text), false);
    assertEquals(JSON.parse(json).provenance, provenance);
  }),
);
