/** Processes that train together: `libardiff_group`, loaded only where there are several. */
import { ExitCode, UserError } from "../errors.ts";
import { unwrapAsync } from "./errors.ts";
import { groupSymbols } from "./group_symbols.ts";
import { Handle, HandleSlot } from "./handle.ts";
import { loadBeside } from "./library.ts";
import { bytes } from "./model.ts";

/** Must equal ARDIFF_GROUP_ABI_VERSION of ardiff_group.h. */
export const GROUP_ABI_VERSION = 2;

/** Where and as which rank a process joins. */
export interface GroupPlace {
  /** This process, from 0, and how many there are. */
  readonly rank: number;
  readonly size: number;
  /** Where the ranks meet. */
  readonly host: string;
  readonly port: number;
  /** Whether this process serves the meeting point, or another does. */
  readonly serve: boolean;
  /** Tells this start of a job from earlier ones that met there. */
  readonly session: string;
}

type GroupLibrary = Deno.DynamicLibrary<typeof groupSymbols>["symbols"];

let loaded: GroupLibrary | undefined;

function groupLibrary(): GroupLibrary {
  if (loaded !== undefined) return loaded;
  const opened = loadBeside("libardiff_group.so", groupSymbols);
  const version = opened.ardiff_group_abi_version();
  if (version !== GROUP_ABI_VERSION) {
    throw new UserError(
      ExitCode.native,
      `Cannot use a group library of ABI version ${version} where this program needs ` +
        `${GROUP_ABI_VERSION}: run scripts/build_native.sh`,
    );
  }
  return loaded = opened;
}

/**
 * Owns an `ardiff_group`. Every rank makes the same calls in the same order; a call that fails throws
 * a {@linkcode NativeError} that says why, and ends the group.
 */
export class NativeGroup implements Disposable {
  readonly #handle: Handle;

  private constructor(handle: bigint, readonly size: number) {
    this.#handle = new Handle(this, handle, groupLibrary().ardiff_group_free);
  }

  /**
   * Meets the other ranks.
   *
   * @param joinMilliseconds how long to wait for them to come
   * @param timeoutMilliseconds how long to wait for one that does not answer later
   */
  static async join(
    { rank, size, host, port, serve, session }: GroupPlace,
    joinMilliseconds: number,
    timeoutMilliseconds: number,
  ): Promise<NativeGroup> {
    const slot = new HandleSlot();
    await unwrapAsync((...error) =>
      groupLibrary().ardiff_group_create(
        cString(host),
        port,
        Number(serve),
        cString(session),
        rank,
        size,
        joinMilliseconds,
        timeoutMilliseconds,
        bytes(slot.buffer),
        ...error,
      )
    );
    return new NativeGroup(slot.value, size);
  }

  /** What each rank gives, one after the other. All give the same number of bytes, above 0. */
  async gather(mine: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const all = new Uint8Array(this.size * mine.length);
    await this.#call((handle, ...error) =>
      groupLibrary().ardiff_group_gather(handle, mine, BigInt(mine.length), all, ...error)
    );
    return all;
  }

  /** Replaces a buffer by that of rank 0. */
  async broadcast(data: ArrayBufferView<ArrayBuffer>): Promise<void> {
    await this.#call((handle, ...error) =>
      groupLibrary().ardiff_group_broadcast(
        handle,
        bytes(data),
        BigInt(data.byteLength),
        ...error,
      )
    );
  }

  /** Adds values of the first ranks, in their order, to a sum that {@linkcode collect} ends. */
  async add(values: Float32Array<ArrayBuffer>, contributors: number): Promise<void> {
    await this.#call((handle, ...error) =>
      groupLibrary().ardiff_group_add(
        handle,
        bytes(values),
        BigInt(values.length),
        contributors,
        ...error,
      )
    );
  }

  /** Replaces values by the sum. */
  async collect(values: Float32Array<ArrayBuffer>): Promise<void> {
    await this.#call((handle, ...error) =>
      groupLibrary().ardiff_group_collect(handle, bytes(values), BigInt(values.length), ...error)
    );
  }

  [Symbol.dispose](): void {
    this.#handle.dispose();
  }

  #call(
    call: (
      handle: bigint,
      error: Uint8Array<ArrayBuffer>,
      capacity: number,
    ) => Promise<number>,
  ): Promise<void> {
    return this.#handle.during((handle) => unwrapAsync((...error) => call(handle, ...error)));
  }
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}
