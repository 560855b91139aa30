/** A batch under generation in the shim: latents stay on the device between steps. */
import { unwrap, unwrapAsync } from "./errors.ts";
import { Handle, HandleSlot } from "./handle.ts";
import { library } from "./library.ts";
import { bytes, type NativeModel } from "./model.ts";

/** Sources as a padded matrix. */
export interface SourceBatch {
  /** [S, L] token ids. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** [S, L], 1 for a token and 0 for padding. */
  readonly mask: Uint8Array<ArrayBuffer>;
  readonly sources: number;
  readonly length: number;
}

/** How a batch starts. */
export interface GenerationOptions {
  /** Candidates K of each source; row r = s*K + k. */
  readonly candidates: number;
  /** Number of the first candidate. */
  readonly firstCandidate: number;
  /** Target slots N. */
  readonly slots: number;
  /** 64-bit seed. */
  readonly seed: bigint;
  /** Standard deviation of the initial noise. */
  readonly noiseScale: number;
  /** Take the portable path even where there are CPU kernels. */
  readonly portable: boolean;
}

/** One network evaluation and sampler update; arrays hold for all rows, or for each (`rows` > 1). */
export interface GenerationStep {
  /** Number of this step, part of the noise counter. */
  readonly index: number;
  /** 1, or the number of rows R that the arrays below describe one by one. */
  readonly rows: number;
  /** [rows, N] scaled timesteps. */
  readonly timesteps: Float32Array<ArrayBuffer>;
  /** [rows, N] factors on z at the network's input. */
  readonly inputScale: Float32Array<ArrayBuffer>;
  /** [rows, N, 4] coefficients of z, x0_hat, noise, previous x0_hat. */
  readonly coefficients: Float32Array<ArrayBuffer>;
  /** [rows, N] 1 where the update leaves the slot as it is. */
  readonly atRest: Uint8Array<ArrayBuffer>;
  /** Replace x0_hat by the nearest embedding. */
  readonly round: boolean;
  /** Round to the most likely token by the logits of x0_hat in place of the nearest embedding. */
  readonly byLogits?: boolean;
  /** Only compute x0_hat, leave z alone. */
  readonly predictOnly?: boolean;
  /** Round slots at rest too. */
  readonly roundAll?: boolean;
  /** [R, N, C] noise in place of the generator's. */
  readonly noise?: Float32Array<ArrayBuffer>;
  /** [R, N] receives the ids rounded to, -1 where not rounded. */
  readonly nearest?: Int32Array<ArrayBuffer>;
  /**
   * [R, N], where a slot is rounded and not at rest receives the log-softmax of its token under the
   * prediction as it was before, and is left as it is elsewhere.
   */
  readonly logProbability?: Float32Array<ArrayBuffer>;
}

/** Seconds a batch has spent, by part. */
export interface GenerationSeconds {
  /** Encoding sources. */
  readonly encoder: number;
  /** Predicting x0_hat. */
  readonly network: number;
  /** Replacing predictions by embeddings. */
  readonly rounding: number;
  /** Moving latents to their next timesteps. */
  readonly update: number;
}

const STATES = { z: 0, x0: 1, encoder: 2, logits: 3 } as const;
const ROUND = 1, PREDICT = 2, ALL = 4, LOGITS = 8;
const PORTABLE = 1;

/** Owns an `ardiff_generation`. */
export class NativeGeneration implements Disposable {
  readonly #handle: Handle;
  readonly rows: number;
  readonly slots: number;

  private constructor(handle: bigint, rows: number, slots: number) {
    this.#handle = new Handle(this, handle, library().ardiff_generation_free);
    this.rows = rows;
    this.slots = slots;
  }

  /** Encodes the sources and draws the initial noise. */
  static async start(
    model: NativeModel,
    sources: SourceBatch,
    options: GenerationOptions,
  ): Promise<NativeGeneration> {
    const slot = new HandleSlot();
    await model.handle.during((handle) =>
      unwrapAsync((...error) =>
        library().ardiff_generation_create(
          handle,
          bytes(sources.ids),
          sources.mask,
          sources.sources,
          sources.length,
          options.candidates,
          options.firstCandidate,
          options.slots,
          options.seed,
          options.noiseScale,
          options.portable ? PORTABLE : 0,
          bytes(slot.buffer),
          ...error,
        )
      )
    );
    return new NativeGeneration(slot.value, sources.sources * options.candidates, options.slots);
  }

  /** One network evaluation and one update of all rows. */
  step(step: GenerationStep): Promise<void> {
    const flags = (step.round ? ROUND : 0) | (step.predictOnly ? PREDICT : 0) |
      (step.roundAll ? ALL : 0) | (step.byLogits ? LOGITS : 0);
    return this.#handle.during((handle) =>
      unwrapAsync((...error) =>
        library().ardiff_generation_step(
          handle,
          step.index,
          step.rows,
          bytes(step.timesteps),
          bytes(step.inputScale),
          bytes(step.coefficients),
          step.atRest,
          flags,
          step.noise === undefined ? null : bytes(step.noise),
          step.nearest === undefined ? null : bytes(step.nearest),
          step.logProbability === undefined ? null : bytes(step.logProbability),
          ...error,
        )
      )
    );
  }

  /** Restricts row r to its first `active[r]` slots for good. */
  shrink(active: Int32Array<ArrayBuffer>): void {
    unwrap((...error) =>
      library().ardiff_generation_shrink(this.#handle.value, bytes(active), ...error)
    );
  }

  /** From now on only the first slots of a row, 1 to N, take part in a step; see the C header. */
  setPresent(slots: number): void {
    unwrap((...error) => library().ardiff_generation_present(this.#handle.value, slots, ...error));
  }

  /**
   * The most likely token of every slot, [R, N], -1 for slots that were dropped.
   *
   * @param logProbability [R, N], receives the log-softmax of the chosen token
   */
  async tokens(
    state: "z" | "x0",
    logProbability?: Float32Array<ArrayBuffer>,
  ): Promise<Int32Array<ArrayBuffer>> {
    const ids = new Int32Array(this.rows * this.slots);
    await this.#handle.during((handle) =>
      unwrapAsync((...error) =>
        library().ardiff_generation_tokens(
          handle,
          STATES[state],
          bytes(ids),
          logProbability === undefined ? null : bytes(logProbability),
          ...error,
        )
      )
    );
    return ids;
  }

  /** Copies a state out; `values` must have exactly its size. For traces and tests. */
  read(state: keyof typeof STATES, values: Float32Array<ArrayBuffer>): void {
    unwrap((...error) =>
      library().ardiff_generation_read(
        this.#handle.value,
        STATES[state],
        bytes(values),
        BigInt(values.length),
        ...error,
      )
    );
  }

  /** Replaces the latents or the last prediction. For tests. */
  write(state: "z" | "x0", values: Float32Array<ArrayBuffer>): void {
    unwrap((...error) =>
      library().ardiff_generation_write(
        this.#handle.value,
        STATES[state],
        bytes(values),
        BigInt(values.length),
        ...error,
      )
    );
  }

  /** Time spent so far. */
  seconds(): GenerationSeconds {
    const values = new Float64Array(4);
    unwrap((...error) =>
      library().ardiff_generation_seconds(this.#handle.value, bytes(values), ...error)
    );
    const [encoder = 0, network = 0, rounding = 0, update = 0] = values;
    return { encoder, network, rounding, update };
  }

  [Symbol.dispose](): void {
    this.#handle.dispose();
  }
}
