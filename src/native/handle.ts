/** Opaque handles of the shim: how one is received, kept and freed. */

/** Frees a handle that its owner forgot; a safety net, `using` is the way. */
const forgotten = new FinalizationRegistry<() => void>((free) => free());

/** A handle that is freed once, by `dispose` or when its owner is collected. */
export class Handle {
  #value: bigint;
  readonly #free: (handle: bigint) => void;
  #pending = 0;

  /**
   * @param owner the object whose collection frees a forgotten handle
   * @param value what the shim returned
   * @param free the shim's function that frees it
   */
  constructor(owner: object, value: bigint, free: (handle: bigint) => void) {
    this.#value = value;
    this.#free = free;
    forgotten.register(owner, () => free(value), this);
  }

  /** The handle as the shim takes it. @throws {Error} after `dispose` */
  get value(): bigint {
    if (this.#value === 0n) throw new Error("A native handle was used after it was disposed of");
    return this.#value;
  }

  /** Runs a nonblocking call; the handle is not freed before it ends. */
  async during<T>(call: (handle: bigint) => Promise<T>): Promise<T> {
    const value = this.value;
    this.#pending++;
    try {
      return await call(value);
    } finally {
      this.#pending--;
    }
  }

  /** Frees the handle. @throws {Error} while a call is under way */
  dispose(): void {
    if (this.#value === 0n) return;
    if (this.#pending > 0) {
      throw new Error("A native handle was disposed of while a call was under way");
    }
    forgotten.unregister(this);
    const value = this.#value;
    this.#value = 0n;
    this.#free(value);
  }
}

/** Receives a handle that a `_create` function writes. */
export class HandleSlot {
  readonly buffer: BigUint64Array<ArrayBuffer> = new BigUint64Array(1);

  get value(): bigint {
    return this.buffer[0] ?? 0n;
  }
}
