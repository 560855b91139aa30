import { assertEquals, assertThrows } from "@std/assert";
import { renewManifest } from "../../scripts/write_manifest.ts";
import { loadModelFolder } from "../../src/denoiser/model_folder.ts";
import { UserError } from "../../src/errors.ts";
import { changed, SAMPLE_CONFIG } from "../denoiser/sample_config.ts";
import { writeSampleFolder } from "../denoiser/sample_folder.ts";
import { withFolder } from "../denoiser/test_files.ts";

Deno.test(
  "renewManifest() takes a folder as it is now, if it is sound",
  withFolder((folder) => {
    const path = `${folder}/model`;
    writeSampleFolder(path, SAMPLE_CONFIG);
    const config = JSON.stringify(changed(SAMPLE_CONFIG, "provenance.source", "by hand"));
    Deno.writeTextFileSync(`${path}/config.json`, config);
    assertThrows(() => loadModelFolder(path), UserError, "hash differs");
    renewManifest(path);
    assertEquals(loadModelFolder(path).config.provenance.source, "by hand");
    Deno.truncateSync(`${path}/model.safetensors`, 100);
    assertThrows(() => renewManifest(path), UserError, "model.safetensors");
  }),
);
