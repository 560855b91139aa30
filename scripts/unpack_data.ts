/**
 * Unpacks the data sets that a clone carries, data/packed, to folders of
 * data, and checks every file's SHA-256. Files that are already right are left alone.
 */
import { ExitCode, messageOf, UserError } from "../src/errors.ts";

/** The folder of the compressed sets. */
export const PACKED = `${import.meta.dirname}/../data/packed`;

/** The list of checksums in it, in the form that `sha256sum --check` reads. */
export const SUMS = "SHA256SUMS";

/** Texts, each stored as NAME.br. */
export const PACKED_FILES: readonly string[] = [
  "commongen/train.src",
  "commongen/train.tgt",
  "commongen/dev.jsonl",
  "tatoeba-en-fr/train.tsv",
  "tatoeba-en-fr/dev.tsv",
  "e2e/trainset.csv",
  "e2e/devset.csv",
];

/** Licences and attributions, stored as they are. */
export const NOTICES: readonly string[] = [
  "commongen/LICENSE",
  "tatoeba-en-fr/ABOUT.txt",
  "e2e/ABOUT.txt",
];

/** What became of a file. */
export interface UnpackedFile {
  readonly name: string;
  /** Whether it was there already, with the right content. */
  readonly kept: boolean;
}

/**
 * Unpacks `packed` into `target`.
 *
 * @throws {UserError} where a file is missing, damaged or cannot be written
 */
export async function unpackData(packed: string, target: string): Promise<UnpackedFile[]> {
  const files: UnpackedFile[] = [];
  for (const [name, expected] of readSums(`${packed}/${SUMS}`)) {
    const path = `${target}/${name}`;
    const kept = await hasContent(path, expected);
    if (!kept) await unpackFile(packed, name, path, expected);
    files.push({ name, kept });
  }
  return files;
}

/** SHA-256 in hexadecimal. */
export async function sha256(content: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
}

function readSums(path: string): [name: string, sum: string][] {
  const lines = new TextDecoder().decode(read(path)).trimEnd().split("\n");
  return lines.map((line) => {
    const [, sum, name] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
    if (sum === undefined || name === undefined) {
      throw new UserError(ExitCode.data, `Cannot read checksums "${path}": bad line "${line}"`);
    }
    return [name, sum];
  });
}

async function hasContent(path: string, expected: string): Promise<boolean> {
  try {
    return await sha256(Deno.readFileSync(path)) === expected;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function unpackFile(
  packed: string,
  name: string,
  path: string,
  expected: string,
): Promise<void> {
  const source = `${packed}/${name}`;
  const content = NOTICES.includes(name)
    ? read(source)
    : await decompress(read(`${source}.br`), `${source}.br`);
  const found = await sha256(content);
  if (found !== expected) {
    throw new UserError(
      ExitCode.data,
      `Packed data "${source}" is damaged: its SHA-256 is ${found}, expected ${expected}; restore ` +
        "it with git checkout data/packed",
    );
  }
  try {
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeFileSync(`${path}.part`, content);
    Deno.renameSync(`${path}.part`, path); // so that a file is there only when it is whole
  } catch (cause) {
    throw new UserError(ExitCode.output, `Cannot write "${path}": ${messageOf(cause)}`, { cause });
  }
}

async function decompress(
  content: Uint8Array<ArrayBuffer>,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const text = new Blob([content]).stream().pipeThrough(new DecompressionStream("brotli"));
    return new Uint8Array(await new Response(text).arrayBuffer());
  } catch (cause) {
    throw new UserError(
      ExitCode.data,
      `Packed data "${path}" is damaged (${messageOf(cause)}): restore it with git checkout ` +
        "data/packed",
      { cause },
    );
  }
}

function read(path: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(path);
  } catch (cause) {
    throw new UserError(ExitCode.data, `Cannot read "${path}": ${messageOf(cause)}`, { cause });
  }
}

if (import.meta.main) {
  const say = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  try {
    for (const { name, kept } of await unpackData(PACKED, `${PACKED}/..`)) {
      say(`data/${name}: ${kept ? "as it should be" : "unpacked"}\n`);
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    say(`Error: ${error.message}\n`);
    Deno.exit(error.exitCode);
  }
}
