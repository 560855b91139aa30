/**
 * Pictures as PNG, drawn by resvg in WebAssembly: no browser is needed, and the font is the same
 * everywhere. What it takes besides code lies in npm packages, or beside the bundle of a package
 * (scripts/stage_package.sh).
 */
import { initWasm, Resvg } from "@resvg/resvg-wasm";

/** Files by what they are called in a package, with their place in npm's. */
export const PNG_FILES = {
  "resvg.wasm": "@resvg/resvg-wasm/index_bg.wasm",
  "font.woff2": "@fontsource/dejavu-sans/files/dejavu-sans-latin-400-normal.woff2",
} as const;

const FONT = "DejaVu Sans";

/** Pixels of a picture for one of its own. */
const SCALE = 2;

let started: Promise<void> | undefined;

/** Draws a picture as it is on a light ground. */
export async function pngOf(svg: string): Promise<Uint8Array> {
  started ??= initWasm(read("resvg.wasm"));
  await started;
  const picture = new Resvg(svg, {
    font: { fontBuffers: [read("font.woff2")], defaultFontFamily: FONT, sansSerifFamily: FONT },
    fitTo: { mode: "zoom", value: SCALE },
  });
  return picture.render().asPng();
}

function read(name: keyof typeof PNG_FILES): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(new URL(`./png/${name}`, import.meta.url));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return Deno.readFileSync(new URL(import.meta.resolve(PNG_FILES[name])));
}
