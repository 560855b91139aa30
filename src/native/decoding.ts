/** Rows of a shifted network under decoding in the shim, which keeps the keys and values of what settled. */
import { unwrap } from "./errors.ts";
import type { SourceBatch } from "./generation.ts";
import { Handle, HandleSlot } from "./handle.ts";
import { library } from "./library.ts";
import { bytes, type NativeModel } from "./model.ts";
import { nowOrLater } from "./short_calls.ts";

/** How a decoding starts. */
export interface DecodingOptions {
  /** [R] the source of each row. */
  readonly sourceOfRow: Int32Array<ArrayBuffer>;
  /** N, the most settled slots of a row. */
  readonly positions: number;
  /** Take the portable path even where there are CPU kernels. */
  readonly portable: boolean;
}

/**
 * One network call for A rows. Slots of all rows lie one behind the other: M is the sum of
 * `streamCounts`.
 */
interface DecodingStep {
  /** [A] numbers of the rows, all different. */
  readonly rows: Int32Array<ArrayBuffer>;
  /** [A] how many settled slots are appended to each, 1 or more. */
  readonly streamCounts: Int32Array<ArrayBuffer>;
  /** [M] the token that each of them holds: that left of its position. */
  readonly streamIds: Int32Array<ArrayBuffer>;
  /** Waiting slots k of a block. */
  readonly width: number;
  /** [M] 1: a block begins after this slot. */
  readonly blocks: Uint8Array<ArrayBuffer>;
  /** How many of the likeliest tokens are wanted of each slot. */
  readonly top: number;
  /** [M, top] receives them, the likeliest first. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** [M, top] receives their log-probabilities; without it, computing them is spared. */
  readonly logProbabilities?: Float32Array<ArrayBuffer>;
  /** Tokens whose log-probabilities are asked for, one for each appended slot. */
  readonly wanted?: {
    /** [M] */
    readonly ids: Int32Array<ArrayBuffer>;
    /** [M] receives them. */
    readonly logProbabilities: Float32Array<ArrayBuffer>;
  };
}

/** What becomes of the slots that the last step of A rows appended, and what follows them. */
interface DecodingKeep {
  /** [A] numbers of the rows, all different. */
  readonly rows: Int32Array<ArrayBuffer>;
  /** [A] how many of them stay, 1 or more. */
  readonly counts: Int32Array<ArrayBuffer>;
  /** [A] the token chosen for the position of the last that stays; without a draft not needed. */
  readonly left?: Int32Array<ArrayBuffer>;
  /**
   * [A, k] receives a token for each of the positions behind it, from the block that begins there.
   * Where the step ran none, it is run now: another network call.
   */
  readonly draft?: Int32Array<ArrayBuffer>;
  /** [A, k] receives their log-probabilities, each given those before it. */
  readonly draftLogProbabilities?: Float32Array<ArrayBuffer>;
}

/** Seconds a decoding has spent, by part. */
interface DecodingSeconds {
  /** Encoding sources. */
  readonly encoder: number;
  /** The decoder network. */
  readonly network: number;
  /** Choosing the tokens of settled slots. */
  readonly choice: number;
  /** Choosing those of drafts. */
  readonly draft: number;
}

const PORTABLE = 1;
/** Slots of a call that takes less than a millisecond, and tokens of sources that are encoded in one. */
const SMALL_CALL = 32, SMALL_SOURCES = 96;

/** Owns an `ardiff_decoding`. */
export class NativeDecoding implements Disposable {
  readonly #handle: Handle;
  readonly rows: number;

  private constructor(handle: bigint, rows: number) {
    this.#handle = new Handle(this, handle, library().ardiff_decoding_free);
    this.rows = rows;
  }

  /** Encodes the sources and starts empty rows. */
  static async start(
    model: NativeModel,
    sources: SourceBatch,
    options: DecodingOptions,
  ): Promise<NativeDecoding> {
    const slot = new HandleSlot();
    const { ardiff_decoding_create, ardiff_decoding_create_now } = library();
    const parameters = [
      model.handle.value,
      bytes(sources.ids),
      sources.mask,
      sources.sources,
      sources.length,
      options.sourceOfRow.length,
      bytes(options.sourceOfRow),
      options.positions,
      options.portable ? PORTABLE : 0,
      bytes(slot.buffer),
    ] as const;
    await nowOrLater(
      sources.sources * sources.length <= SMALL_SOURCES,
      (...error) => ardiff_decoding_create_now(...parameters, ...error),
      (...error) => model.handle.during(() => ardiff_decoding_create(...parameters, ...error)),
    );
    return new NativeDecoding(slot.value, options.sourceOfRow.length);
  }

  /** Appends slots to rows and predicts with them, blocks of waiting slots beside them. */
  step(step: DecodingStep): Promise<void> {
    const waiting = step.width * step.blocks.reduce((sum, flag) => sum + flag, 0);
    const { ardiff_decoding_step, ardiff_decoding_step_now } = library();
    const parameters = [
      this.#handle.value,
      step.rows.length,
      bytes(step.rows),
      bytes(step.streamCounts),
      bytes(step.streamIds),
      step.width,
      step.blocks,
      step.top,
      bytes(step.ids),
      bytesOrNull(step.logProbabilities),
      bytesOrNull(step.wanted?.ids),
      bytesOrNull(step.wanted?.logProbabilities),
    ] as const;
    return nowOrLater(
      step.blocks.length + waiting <= SMALL_CALL,
      (...error) => ardiff_decoding_step_now(...parameters, ...error),
      (...error) => this.#handle.during(() => ardiff_decoding_step(...parameters, ...error)),
    );
  }

  /** Takes slots back that were appended by the last step, and drafts what follows the others. */
  keep(keep: DecodingKeep): Promise<void> {
    const { ardiff_decoding_keep, ardiff_decoding_keep_now } = library();
    const parameters = [
      this.#handle.value,
      keep.rows.length,
      bytes(keep.rows),
      bytes(keep.counts),
      bytesOrNull(keep.left),
      bytesOrNull(keep.draft),
      bytesOrNull(keep.draftLogProbabilities),
    ] as const;
    return nowOrLater(
      (keep.draft?.length ?? 0) <= SMALL_CALL,
      (...error) => ardiff_decoding_keep_now(...parameters, ...error),
      (...error) => this.#handle.during(() => ardiff_decoding_keep(...parameters, ...error)),
    );
  }

  /** Makes rows `to` what rows `from` are: for beams. */
  copy(from: Int32Array<ArrayBuffer>, to: Int32Array<ArrayBuffer>): void {
    unwrap((...error) =>
      library().ardiff_decoding_copy(
        this.#handle.value,
        from.length,
        bytes(from),
        bytes(to),
        ...error,
      )
    );
  }

  /** Time spent so far. */
  seconds(): DecodingSeconds {
    const values = new Float64Array(4);
    unwrap((...error) =>
      library().ardiff_decoding_seconds(this.#handle.value, bytes(values), ...error)
    );
    const [encoder = 0, network = 0, choice = 0, draft = 0] = values;
    return { encoder, network, choice, draft };
  }

  [Symbol.dispose](): void {
    this.#handle.dispose();
  }
}

function bytesOrNull(
  values: ArrayBufferView<ArrayBuffer> | undefined,
): Uint8Array<ArrayBuffer> | null {
  return values === undefined ? null : bytes(values);
}
