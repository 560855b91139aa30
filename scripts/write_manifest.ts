/**
 * Gives model folders a manifest, or a new one after a change made by hand.
 *
 *     deno run --allow-read --allow-write scripts/write_manifest.ts FOLDER...
 *
 * Each folder is checked first, as every command checks it, but for an older manifest.
 */
import { loadModelFolder, writeModelManifest } from "../src/denoiser/model_folder.ts";
import { removeIfPresent } from "../src/host/files.ts";
import { MANIFEST } from "../src/host/manifest.ts";

/** Writes the manifest of a folder that is sound. */
export function renewManifest(folder: string): void {
  removeIfPresent(`${folder}/${MANIFEST}`);
  loadModelFolder(folder);
  writeModelManifest(folder);
}

if (import.meta.main) {
  if (Deno.args.length === 0) throw new Error("Give the model folders to write a manifest into");
  for (const folder of Deno.args) renewManifest(folder);
}
