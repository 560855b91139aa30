/**
 * Packs the data sets that a clone carries: those in FOLDER into
 * data/packed, with the checksums of what `deno task data` must unpack. Run once for each release of
 * the data:
 *
 *     deno run --allow-read --allow-write=data scripts/pack_data.ts FOLDER
 */
import { brotliCompressSync, constants } from "node:zlib";
import { NOTICES, PACKED, PACKED_FILES, sha256, SUMS } from "./unpack_data.ts";

/** Brotli at its best: a third smaller than gzip on these texts, and read by Deno itself. */
function compress(content: Uint8Array): Uint8Array {
  return brotliCompressSync(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });
}

if (import.meta.main) {
  const [source = "."] = Deno.args;
  let sums = "";
  for (const name of PACKED_FILES) {
    const content = Deno.readFileSync(`${source}/${name}`);
    sums += `${await sha256(content)}  ${name}\n`;
    Deno.mkdirSync(`${PACKED}/${name}/..`, { recursive: true });
    Deno.writeFileSync(`${PACKED}/${name}.br`, compress(content));
  }
  for (const name of NOTICES) {
    sums += `${await sha256(Deno.readFileSync(`${source}/${name}`))}  ${name}\n`;
    Deno.copyFileSync(`${source}/${name}`, `${PACKED}/${name}`);
  }
  Deno.writeTextFileSync(`${PACKED}/${SUMS}`, sums);
}
