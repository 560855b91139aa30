/** Rows of a shifted network under decoding in the shim, which keeps the keys and values of what settled. */
import { unwrap, unwrapAsync } from "./errors.ts";
import type { SourceBatch } from "./generation.ts";
import { Handle, HandleSlot } from "./handle.ts";
import { library } from "./library.ts";
import { bytes, type NativeModel } from "./model.ts";

/** How a decoding starts. */
export interface DecodingOptions {
  /** [R] the source of each row. */
  readonly sourceOfRow: Int32Array<ArrayBuffer>;
  /** N, the most settled slots of a row. */
  readonly positions: number;
  /** Use libtorch's operators even where fused kernels exist. */
  readonly portable: boolean;
}

/**
 * One network call for A rows. Slots of all rows lie one behind the other: M is the sum of
 * `streamCount`.
 */
export interface DecodingStep {
  /** [A] different rows. */
  readonly row: Int32Array<ArrayBuffer>;
  /** [A] how many settled slots are appended to each, 1 or more. */
  readonly streamCount: Int32Array<ArrayBuffer>;
  /** [M] the token that each of them holds: that left of its position. */
  readonly streamIds: Int32Array<ArrayBuffer>;
  /** k, slots of a block. */
  readonly width: number;
  /** [M] 1: a block of `width` waiting slots begins after this slot. */
  readonly block: Uint8Array<ArrayBuffer>;
  /** T, how many of the likeliest tokens are wanted. */
  readonly top: number;
  /** [M, T] receives them, the likeliest first. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** [M, T] receives their log-softmax; without it, computing it is spared. */
  readonly logProbability?: Float32Array<ArrayBuffer>;
  /** Tokens whose log-softmax is asked for, one for each appended slot. */
  readonly wanted?: {
    /** [M] */
    readonly ids: Int32Array<ArrayBuffer>;
    /** [M] receives it. */
    readonly logProbability: Float32Array<ArrayBuffer>;
  };
}

/** What becomes of the slots that the last step of A rows appended. */
export interface DecodingKeep {
  /** [A] different rows. */
  readonly row: Int32Array<ArrayBuffer>;
  /** [A] how many of them stay, 1 or more. */
  readonly keep: Int32Array<ArrayBuffer>;
}

/** What the next tokens of rows are guessed from. */
export interface DecodingDraft {
  /** [A] the token chosen for the position of the last kept slot. */
  readonly left: Int32Array<ArrayBuffer>;
  /** [A, k] receives a token for each of the positions behind it. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** [A, k] receives their log-softmax. */
  readonly logProbability?: Float32Array<ArrayBuffer>;
}

/** Seconds a decoding has spent, by part. */
export interface DecodingSeconds {
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
    await model.handle.during((handle) =>
      unwrapAsync((...error) =>
        library().ardiff_decoding_create(
          handle,
          bytes(sources.ids),
          sources.mask,
          sources.sources,
          sources.length,
          options.sourceOfRow.length,
          bytes(options.sourceOfRow),
          options.positions,
          options.portable ? PORTABLE : 0,
          bytes(slot.buffer),
          ...error,
        )
      )
    );
    return new NativeDecoding(slot.value, options.sourceOfRow.length);
  }

  /** Appends slots to rows and predicts with them, blocks of waiting slots beside them. */
  step(step: DecodingStep): Promise<void> {
    return this.#handle.during((handle) =>
      unwrapAsync((...error) =>
        library().ardiff_decoding_step(
          handle,
          step.row.length,
          bytes(step.row),
          bytes(step.streamCount),
          bytes(step.streamIds),
          step.width,
          step.block,
          step.top,
          bytes(step.ids),
          step.logProbability === undefined ? null : bytes(step.logProbability),
          step.wanted === undefined ? null : bytes(step.wanted.ids),
          step.wanted === undefined ? null : bytes(step.wanted.logProbability),
          ...error,
        )
      )
    );
  }

  /**
   * Takes slots back that were appended by the last step, and guesses what follows the others.
   *
   * @param draft from the block that begins after the last kept slot; where the step ran none, it is
   *   run now
   */
  keep(keep: DecodingKeep, draft?: DecodingDraft): Promise<void> {
    return this.#handle.during((handle) =>
      unwrapAsync((...error) =>
        library().ardiff_decoding_keep(
          handle,
          keep.row.length,
          bytes(keep.row),
          bytes(keep.keep),
          draft === undefined ? null : bytes(draft.left),
          draft === undefined ? null : bytes(draft.ids),
          draft?.logProbability === undefined ? null : bytes(draft.logProbability),
          ...error,
        )
      )
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
