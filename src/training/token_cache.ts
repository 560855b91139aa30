/**
 * Training pairs as token ids, tokenised once into flat files that are named by a hash of all they
 * depend on. Of a set of n pairs only the lengths (4 bytes a pair) are held in memory; ids are read
 * from the files, which the system keeps in its page cache, when their batch is due.
 */
import { createHash } from "node:crypto";
import { bytesOf } from "../denoiser/tensors.ts";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import {
  parentOf,
  removeIfPresent,
  statIfPresent,
  syncFolder,
  temporaryName,
  temporaryNames,
  unwritableFolder,
  writeAll,
  writeFileAtomically,
} from "../host/files.ts";
import { checkManifest, MANIFEST, writeManifest } from "../host/manifest.ts";
import type { DataSpec } from "../text/data_spec.ts";
import { frameSource, frameTarget } from "../text/frame.ts";
import { readPairs } from "../text/records.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { describeData } from "./model_config.ts";

/** How text becomes ids. */
interface TokenLimits {
  /** Longest source, special tokens included. */
  readonly maxSourceTokens: number;
  /** Longest target, the end token included: the target slots N. */
  readonly targetSlots: number;
}

/** What tokenising a set found. */
export interface CacheSummary {
  readonly pairs: number;
  /** Pairs that were left out because one of their sides is empty. */
  readonly leftOut: number;
  /** Sources and targets over the limits, which were cut, and the longest of each before. */
  readonly cutSources: number;
  readonly cutTargets: number;
  readonly longestSource: number;
  readonly longestTarget: number;
}

/** Token ids of one pair, special tokens included. */
export interface TokenPair {
  /** Beginning token if the tokenizer has one, text, end token. */
  readonly source: IdArray;
  /** Text, end token. */
  readonly target: IdArray;
}

type IdArray = Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** Raised when the files' layout changes. */
const FORMAT = 1;
const FILES = {
  summary: "summary.json",
  ids: "ids.bin",
  lengths: "lengths.bin",
  lines: "lines.bin",
};
/** Every so many pairs, the place of a pair's ids is kept; between, it follows from the lengths. */
const STRIDE = 64;

/**
 * A hash of everything the ids of a data set depend on: content of its files, how they are read,
 * the tokenizer and the limits.
 *
 * @throws {UserError} where a file cannot be read
 */
export async function dataKey(
  spec: DataSpec,
  tokenizer: Tokenizer,
  limits: TokenLimits,
): Promise<string> {
  const { groupSources: _ignored, ...reading } = spec;
  const files = spec.format === "text" ? [spec.sourceFile, spec.targetFile] : [spec.file];
  const content = [];
  for (const file of files) content.push(await fileHash(file));
  const withoutPaths = { ...reading, file: null, sourceFile: null, targetFile: null };
  return createHash("sha256")
    .update(JSON.stringify([FORMAT, content, withoutPaths, limits]))
    .update(tokenizer.toJson())
    .digest("hex").slice(0, 32);
}

/** A tokenised data set. */
export class TokenCache implements Disposable {
  /** What the pairs are known by. */
  readonly key: string;
  /** The name of its folder. */
  readonly name: string;
  readonly summary: CacheSummary;
  /** Tokens of each source and target, [pairs]. */
  readonly sourceLengths: IdArray;
  readonly targetLengths: IdArray;
  readonly #ids: Deno.FsFile;
  readonly #lines: Deno.FsFile;
  readonly #wide: boolean;
  /** Place of the ids of pair i * STRIDE, in ids. */
  readonly #places: Float64Array;

  /** @throws {Error} where the files do not fit together, as after a crash or a full disk */
  private constructor(name: string, folder: string, wide: boolean) {
    this.summary = JSON.parse(Deno.readTextFileSync(`${folder}/${FILES.summary}`));
    const { leftOut } = this.summary;
    // One from before empty sides were left out is made anew; what had none of them is the same still.
    if (leftOut === undefined) throw new Error("it does not say what was left out");
    this.name = name;
    this.key = leftOut === 0 ? name : `${name}-${leftOut}`;
    this.#wide = wide;
    const { pairs } = this.summary;
    const lengths = wholeFile(`${folder}/${FILES.lengths}`);
    const half = lengths.length / 2;
    const type = half === 4 * pairs ? Uint32Array : Uint16Array;
    if (!(pairs > 0)) throw new Error("it has no pairs");
    this.sourceLengths = new type(lengths.buffer, 0, pairs);
    this.targetLengths = new type(lengths.buffer, half, pairs);
    this.#places = new Float64Array(Math.ceil(pairs / STRIDE));
    let place = 0;
    for (let i = 0; i < pairs; i++) {
      if (i % STRIDE === 0) this.#places[i / STRIDE] = place;
      place += this.sourceLengths[i]! + this.targetLengths[i]!;
    }
    expectSize(`${folder}/${FILES.ids}`, (wide ? 4 : 2) * place);
    expectSize(`${folder}/${FILES.lines}`, 4 * pairs);
    this.#ids = Deno.openSync(`${folder}/${FILES.ids}`);
    this.#lines = Deno.openSync(`${folder}/${FILES.lines}`);
  }

  /**
   * Opens the cache of a data set; tokenises the set first if there is none, or a damaged one.
   *
   * @param folder where caches lie
   * @param building `onBuild` is called before the set is tokenised, `stop` aborted where it is not
   *   wanted any more
   * @throws {UserError} where the data cannot be read or the cache cannot be written
   */
  static async open(
    folder: string,
    spec: DataSpec,
    tokenizer: Tokenizer,
    limits: TokenLimits,
    { onBuild = () => {}, stop }: { onBuild?: () => void; stop?: AbortSignal } = {},
  ): Promise<TokenCache> {
    const key = await dataKey(spec, tokenizer, limits);
    const path = `${folder}/${key}`;
    const wide = tokenizer.vocabSize > 2 ** 16;
    const found = TokenCache.#openWhole(key, path, wide);
    if (found !== undefined) return found;
    onBuild();
    await build(path, spec, tokenizer, limits, stop);
    return new TokenCache(key, path, wide);
  }

  /**
   * Opens a cache that another rank of the same training has made.
   *
   * @throws {UserError} where it is not there
   */
  static openMade(folder: string, name: string, { vocabSize }: Tokenizer): TokenCache {
    const path = `${folder}/${name}`;
    try {
      return new TokenCache(name, path, vocabSize > 2 ** 16);
    } catch (error) {
      throw new UserError(
        ExitCode.data,
        `Cannot read the tokenised data "${path}" that rank 0 has made (${messageOf(error)}): ` +
          "put the run's folder, --output, on a disk that all ranks see",
        { cause: error },
      );
    }
  }

  /** A cache that is there; one that is damaged makes way and is as good as none. */
  static #openWhole(key: string, path: string, wide: boolean): TokenCache | undefined {
    if (statIfPresent(path) === null) return undefined;
    try {
      Deno.statSync(`${path}/${MANIFEST}`); // one from before there were manifests is made anew
      checkManifest(path, (problem) => {
        throw new Error(problem);
      });
      return new TokenCache(key, path, wide);
    } catch {
      removeCache(path);
      return undefined;
    }
  }

  /** The number of pairs. */
  get size(): number {
    return this.summary.pairs;
  }

  /** The ids of a pair. */
  read(index: number): TokenPair {
    const block = Math.floor(index / STRIDE);
    let place = this.#places[block]!;
    for (let i = block * STRIDE; i < index; i++) {
      place += this.sourceLengths[i]! + this.targetLengths[i]!;
    }
    const [source, target] = [this.sourceLengths[index]!, this.targetLengths[index]!];
    const ids = new (this.#wide ? Uint32Array : Uint16Array)(source + target);
    readAt(this.#ids, place * ids.BYTES_PER_ELEMENT, bytesOf(ids));
    return { source: ids.subarray(0, source), target: ids.subarray(source) };
  }

  /** The line of the data file on which a pair begins, from 1. */
  line(index: number): number {
    const line = new Uint32Array(1);
    readAt(this.#lines, 4 * index, bytesOf(line));
    return line[0]!;
  }

  [Symbol.dispose](): void {
    this.#ids.close();
    this.#lines.close();
  }
}

async function build(
  path: string,
  spec: DataSpec,
  tokenizer: Tokenizer,
  { maxSourceTokens, targetSlots }: TokenLimits,
  stop: AbortSignal | undefined,
): Promise<void> {
  const { special } = tokenizer;
  if (maxSourceTokens <= frameSource([], special, 0).length || targetSlots < 2) {
    throw new UserError(
      ExitCode.model,
      `Cannot cut sources to ${maxSourceTokens} and targets to ${targetSlots} tokens: ` +
        "the limits leave no room for text",
    );
  }
  removeLeftovers(path);
  const temporary = temporaryName(path);
  try {
    Deno.mkdirSync(temporary, { recursive: true });
    const summary = {
      pairs: 0,
      leftOut: 0,
      cutSources: 0,
      cutTargets: 0,
      longestSource: 0,
      longestTarget: 0,
    };
    {
      using ids = new ValueWriter(`${temporary}/${FILES.ids}`, tokenizer.vocabSize > 2 ** 16);
      const wideLengths = Math.max(maxSourceTokens, targetSlots) >= 2 ** 16;
      using sources = new ValueWriter(`${temporary}/${FILES.lengths}`, wideLengths);
      using targets = new ValueWriter(`${temporary}/targets.bin`, wideLengths);
      using lines = new ValueWriter(`${temporary}/${FILES.lines}`, true);
      for await (const pair of readPairs(spec)) {
        stop?.throwIfAborted();
        if (pair.source.trim() === "" || pair.target.trim() === "") {
          summary.leftOut++;
          continue;
        }
        const source = frameSource(tokenizer.encode(pair.source), special, maxSourceTokens);
        const target = frameTarget(tokenizer.encode(pair.target), special.eos, targetSlots);
        summary.pairs++;
        summary.longestSource = Math.max(summary.longestSource, source.length);
        summary.longestTarget = Math.max(summary.longestTarget, target.length);
        if (source.length > maxSourceTokens) summary.cutSources++;
        if (target.length > targetSlots) summary.cutTargets++;
        for (const id of source.ids) ids.push(id);
        for (const id of target.ids) ids.push(id);
        sources.push(source.ids.length);
        targets.push(target.ids.length);
        lines.push(pair.line);
      }
      targets.flush();
      sources.append(`${temporary}/targets.bin`);
      for (const writer of [ids, sources, lines]) writer.finish();
    }
    if (summary.pairs === 0) {
      throw new UserError(
        ExitCode.data,
        `Cannot train on "${
          describeData(spec)
        }": one side of each of its pairs is empty; expected ` +
          "text on both",
      );
    }
    Deno.removeSync(`${temporary}/targets.bin`);
    writeFileAtomically(`${temporary}/${FILES.summary}`, (file) => {
      writeAll(file, new TextEncoder().encode(JSON.stringify(summary)));
    });
    writeManifest(temporary, Object.values(FILES));
    publish(temporary, path);
  } catch (error) {
    removeIfPresent(temporary);
    throw unwritableFolder(path, error);
  }
}

/** Removes what was left by writers of a cache that were killed: a living one holds its ids locked. */
function removeLeftovers(path: string): void {
  for (const leftover of temporaryNames(path)) {
    try {
      using ids = Deno.openSync(`${leftover}/${FILES.ids}`, { read: true, write: true });
      if (ids.tryLockSync(true)) removeIfPresent(leftover);
    } catch {
      // It has just begun, or is another user's.
    }
  }
}

/** Removes a cache so that another process finds all of it or nothing. */
function removeCache(path: string): void {
  const aside = temporaryName(path);
  try {
    Deno.renameSync(path, aside);
    removeIfPresent(aside);
  } catch (error) {
    throw unwritableFolder(path, error);
  }
}

/** Renames a finished cache, unless another process was faster. */
function publish(temporary: string, path: string): void {
  try {
    Deno.renameSync(temporary, path);
    syncFolder(parentOf(path));
  } catch (error) {
    if (statIfPresent(`${path}/${FILES.summary}`) === null) throw error;
    removeIfPresent(temporary);
  }
}

/** Writes 16- or 32-bit values to a file, a block at a time. */
class ValueWriter implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #block: IdArray;
  #filled = 0;

  constructor(path: string, wide: boolean) {
    this.#file = Deno.openSync(path, { write: true, createNew: true });
    this.#file.lockSync(true);
    this.#block = new (wide ? Uint32Array : Uint16Array)(2 ** 16);
  }

  push(value: number): void {
    this.#block[this.#filled++] = value;
    if (this.#filled === this.#block.length) this.flush();
  }

  flush(): void {
    writeAll(this.#file, bytesOf(this.#block.subarray(0, this.#filled)));
    this.#filled = 0;
  }

  /** Adds the content of another file. */
  append(path: string): void {
    this.flush();
    using other = Deno.openSync(path);
    const block = new Uint8Array(2 ** 16);
    for (let count; (count = other.readSync(block)) !== null;) {
      writeAll(this.#file, block.subarray(0, count));
    }
  }

  /** Writes what is left, and flushes it to the disk. */
  finish(): void {
    this.flush();
    this.#file.syncSync();
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function expectSize(path: string, size: number): void {
  if (Deno.statSync(path).size !== size) throw new Error(`"${path}" is not of ${size} bytes`);
}

function wholeFile(path: string): Uint8Array<ArrayBuffer> {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(file.statSync().size);
  readAt(file, 0, bytes);
  return bytes;
}

/** Fills a buffer from a place of a file. */
function readAt(file: Deno.FsFile, place: number, bytes: Uint8Array): void {
  file.seekSync(place, Deno.SeekMode.Start);
  for (let filled = 0; filled < bytes.length;) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) {
      throw new UserError(
        ExitCode.data,
        "Cannot read the token cache: a file of it was cut; remove it, and it is made again",
      );
    }
    filled += count;
  }
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    using file = await Deno.open(path);
    for await (const chunk of file.readable) hash.update(chunk);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : messageOf(error);
    throw new UserError(ExitCode.data, `Cannot read "${path}": ${reason}`, { cause: error });
  }
  return hash.digest("hex");
}
