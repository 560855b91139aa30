/**
 * A folder's `manifest.json`: the SHA-256 of its files. Files that go together are written
 * together; the manifest tells where one has been damaged since, or is another folder's.
 */
import { createHash } from "node:crypto";
import { messageOf } from "../errors.ts";
import { parseJsonText } from "../json_text.ts";
import { statIfPresent, writeAll, writeFileAtomically } from "./files.ts";
import type { Fail } from "./fail.ts";
import { isObject } from "./json_value.ts";

/** The manifest's name in its folder. */
export const MANIFEST = "manifest.json";
const FORMAT = "ardiff-manifest-1";

/** Bytes that are hashed at a time. */
const BLOCK = 2 ** 20;

/**
 * Writes the manifest of files of a folder.
 *
 * @throws {UserError} where it cannot be written
 */
export function writeManifest(folder: string, names: readonly string[]): void {
  const files = Object.fromEntries(names.map((name) => [name, digestOf(`${folder}/${name}`)]));
  const json = `${JSON.stringify({ format: FORMAT, files }, null, 2)}\n`;
  writeFileAtomically(`${folder}/${MANIFEST}`, (file) => {
    writeAll(file, new TextEncoder().encode(json));
  });
}

/**
 * Compares files of a folder with its manifest. A folder without one is from before there were any.
 *
 * @param names the files. Default: all of the manifest
 */
export function checkManifest(folder: string, fail: Fail, names?: readonly string[]): void {
  const manifest = `${folder}/${MANIFEST}`;
  const present = statIfPresent(manifest);
  if (present === null) return;
  if (!present.isFile) return fail(`"${manifest}" is no regular file`);
  const files = readManifest(manifest, fail);
  for (const name of names ?? Object.keys(files)) {
    const path = `${folder}/${name}`;
    const found = statIfPresent(path);
    if (found === null) return fail(`there is no such file "${path}", which ${MANIFEST} lists`);
    if (!found.isFile) return fail(`"${path}" is no regular file`);
    if (files[name] === undefined) return fail(`${MANIFEST} does not list "${name}"`);
    if (digestOf(path) === files[name]) continue;
    return fail(`"${path}" is not what was written: its hash differs from that in ${MANIFEST}`);
  }
}

function readManifest(path: string, fail: Fail): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseJsonText(Deno.readTextFileSync(path));
  } catch (error) {
    return fail(`"${path}" is damaged (${messageOf(error)})`);
  }
  const { format, files } = isObject(value) ? value : {};
  if (format !== FORMAT || !isObject(files)) {
    return fail(`"${path}" is no manifest: expected the format "${FORMAT}" and files`);
  }
  if (Object.keys(files).every((name) => /^[\w.-]+$/.test(name) && name !== "..")) return files;
  return fail(`"${path}" lists what is no file of its folder`);
}

/** The SHA-256 of a file, in hexadecimal. */
export function digestOf(path: string): string {
  const hash = createHash("sha256");
  const block = new Uint8Array(BLOCK);
  using file = Deno.openSync(path);
  for (let count; (count = file.readSync(block)) !== null;) hash.update(block.subarray(0, count));
  return hash.digest("hex");
}
