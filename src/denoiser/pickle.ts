/**
 * Reads Python pickles without executing what they ask for. A pickle is a program for a stack
 * machine that may import and call anything; this machine knows the opcodes that build data, and
 * calls nothing but functions of an allow-list written in TypeScript.
 */
import type { Fail } from "../host/fail.ts";
import { Inert, isHarmless } from "./inert.ts";

/** Stands for a Python callable; gets the pickled arguments as one list. */
export type PickleFunction = (args: readonly unknown[]) => unknown;

/** How much a pickle may ask for. */
export interface PickleLimits {
  /** Opcodes. */
  readonly steps: number;
  /** Lists, tuples, dictionaries and objects that it makes. */
  readonly containers: number;
}

/** What a pickle may refer to outside itself. */
interface PickleEnvironment {
  /**
   * The allowed globals by qualified name, such as `collections.OrderedDict`: functions, which
   * `REDUCE` may call with the pickled arguments, or plain values.
   */
  readonly globals: ReadonlyMap<string, PickleFunction | object>;
  /** Resolves a persistent id, by which torch refers to storages outside the pickle. */
  readonly persistent: (id: unknown) => unknown;
  /** Throws for a pickle that is damaged or asks for more than it may. */
  readonly fail: Fail;
  /** What it may ask for; by default far more than any checkpoint does. */
  readonly limits?: PickleLimits;
}

/** No number in a checkpoint comes near it, and far longer ones would take forever to convert. */
const MAX_LONG_BYTES = 1024;

/**
 * A checkpoint with 50,000 tensors and an optimizer's state takes about a tenth of this. Every step
 * may make a container, which takes far more memory than the byte that asks for it.
 */
const LIMITS: PickleLimits = { steps: 10_000_000, containers: 2_000_000 };

/** Opcodes by their byte, named as in Python's `pickletools`. */
const OPCODES: Readonly<Record<number, string>> = {
  0x80: "PROTO",
  0x95: "FRAME",
  0x2e: "STOP",
  0x28: "MARK",
  0x30: "POP",
  0x31: "POP_MARK",
  0x4e: "NONE",
  0x88: "NEWTRUE",
  0x89: "NEWFALSE",
  0x4a: "BININT",
  0x4b: "BININT1",
  0x4d: "BININT2",
  0x8a: "LONG1",
  0x8b: "LONG4",
  0x47: "BINFLOAT",
  0x58: "BINUNICODE",
  0x8c: "SHORT_BINUNICODE",
  0x8d: "BINUNICODE8",
  0x54: "BINSTRING",
  0x55: "SHORT_BINSTRING",
  0x42: "BINBYTES",
  0x43: "SHORT_BINBYTES",
  0x29: "EMPTY_TUPLE",
  0x85: "TUPLE1",
  0x86: "TUPLE2",
  0x87: "TUPLE3",
  0x74: "TUPLE",
  0x5d: "EMPTY_LIST",
  0x61: "APPEND",
  0x65: "APPENDS",
  0x7d: "EMPTY_DICT",
  0x73: "SETITEM",
  0x75: "SETITEMS",
  0x68: "BINGET",
  0x6a: "LONG_BINGET",
  0x71: "BINPUT",
  0x72: "LONG_BINPUT",
  0x94: "MEMOIZE",
  0x63: "GLOBAL",
  0x93: "STACK_GLOBAL",
  0x52: "REDUCE",
  0x62: "BUILD",
  0x51: "BINPERSID",
  0x81: "NEWOBJ",
  0x92: "NEWOBJ_EX",
  0x8f: "EMPTY_SET",
  0x90: "ADDITEMS",
  0x91: "FROZENSET",
  0x8e: "BINBYTES8",
  0x6c: "LIST",
  0x64: "DICT",
};

/**
 * The value a pickle describes: dictionaries become `Map`, lists and tuples arrays, `None` null,
 * integers beyond 53 bits `bigint`, byte strings `Uint8Array`.
 */
export function unpickle(bytes: Uint8Array, environment: PickleEnvironment): unknown {
  return new PickleMachine(bytes, environment).run();
}

class PickleMachine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #environment: PickleEnvironment;
  readonly #fail: Fail;
  readonly #limits: PickleLimits;
  readonly #memo = new Map<number, unknown>();
  /** Stacks set aside by MARK; the last is the innermost. */
  readonly #marked: unknown[][] = [];
  #stack: unknown[] = [];
  #at = 0;
  #containers = 0;

  constructor(bytes: Uint8Array, environment: PickleEnvironment) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#environment = environment;
    this.#fail = environment.fail;
    this.#limits = environment.limits ?? LIMITS;
  }

  run(): unknown {
    for (let steps = 0;; steps++) {
      if (steps > this.#limits.steps) {
        this.#fail(`its pickle has more than ${this.#limits.steps} steps`);
      }
      const code = this.#uint8();
      const opcode = OPCODES[code];
      if (opcode === "STOP") return this.#pop();
      this.#execute(opcode, code);
    }
  }

  #execute(opcode: string | undefined, code: number): void {
    switch (opcode) {
      case "PROTO":
        this.#uint8();
        return;
      case "FRAME":
        this.#take(8);
        return;
      case "MARK":
        this.#countContainer();
        this.#marked.push(this.#stack);
        this.#stack = [];
        return;
      case "POP":
        this.#pop();
        return;
      case "POP_MARK":
        this.#popMark();
        return;
      case "NONE":
        return this.#push(null);
      case "NEWTRUE":
        return this.#push(true);
      case "NEWFALSE":
        return this.#push(false);
      case "BININT":
        return this.#push(this.#view.getInt32(this.#skip(4), true));
      case "BININT1":
        return this.#push(this.#uint8());
      case "BININT2":
        return this.#push(this.#uint16());
      case "LONG1":
        return this.#push(this.#long(this.#uint8()));
      case "LONG4":
        return this.#push(this.#long(this.#uint32()));
      case "BINFLOAT":
        return this.#push(this.#view.getFloat64(this.#skip(8), false));
      case "BINUNICODE":
      case "BINSTRING":
        return this.#push(this.#text(this.#uint32()));
      case "SHORT_BINUNICODE":
      case "SHORT_BINSTRING":
        return this.#push(this.#text(this.#uint8()));
      case "BINUNICODE8":
        return this.#push(this.#text(this.#uint64()));
      case "BINBYTES":
        return this.#push(this.#take(this.#uint32()));
      case "BINBYTES8":
        return this.#push(this.#take(this.#uint64()));
      case "SHORT_BINBYTES":
        return this.#push(this.#take(this.#uint8()));
      case "EMPTY_TUPLE":
      case "EMPTY_LIST":
      case "EMPTY_SET":
        return this.#pushContainer([]);
      case "TUPLE1":
        return this.#pushContainer(this.#popMany(1));
      case "TUPLE2":
        return this.#pushContainer(this.#popMany(2));
      case "TUPLE3":
        return this.#pushContainer(this.#popMany(3));
      case "TUPLE":
      case "LIST":
      case "FROZENSET":
        return this.#pushContainer(this.#popMark());
      case "APPEND":
        return this.#append(this.#popMany(1));
      case "APPENDS":
      case "ADDITEMS":
        return this.#append(this.#popMark());
      case "EMPTY_DICT":
        return this.#pushContainer(new Map());
      case "DICT": {
        const items = this.#popMark();
        this.#pushContainer(new Map());
        return this.#setItems(items);
      }
      case "SETITEM":
        return this.#setItems(this.#popMany(2));
      case "SETITEMS":
        return this.#setItems(this.#popMark());
      case "BINGET":
        return this.#get(this.#uint8());
      case "LONG_BINGET":
        return this.#get(this.#uint32());
      case "BINPUT":
        return this.#put(this.#uint8());
      case "LONG_BINPUT":
        return this.#put(this.#uint32());
      case "MEMOIZE":
        return this.#put(this.#memo.size);
      case "GLOBAL":
        return this.#pushGlobal(this.#line(), this.#line());
      case "STACK_GLOBAL": {
        const [module, name] = this.#popMany(2);
        return this.#pushGlobal(module, name);
      }
      case "REDUCE":
        return this.#reduce();
      case "NEWOBJ":
        return this.#make(2);
      case "NEWOBJ_EX":
        return this.#make(3);
      case "BUILD":
        return this.#build();
      case "BINPERSID":
        return this.#push(this.#environment.persistent(this.#pop()));
      default:
        this.#fail(`it uses pickle opcode 0x${code.toString(16)}, which plain tensors never need`);
    }
  }

  #pushGlobal(module: unknown, name: unknown): void {
    if (typeof module !== "string" || typeof name !== "string") {
      return this.#fail("it refers to a global without a name");
    }
    const qualified = `${module}.${name}`;
    if (!this.#environment.globals.has(qualified) && isHarmless(qualified)) {
      return this.#push(new Inert(qualified));
    }
    if (!this.#environment.globals.has(qualified)) {
      this.#fail(`it refers to Python's "${qualified}", which ardiff refuses to touch`);
    }
    this.#push(this.#environment.globals.get(qualified));
  }

  /** Calls a function. Only the allow-list can have put one on the stack. */
  #reduce(): void {
    const [callee, args] = this.#popMany(2);
    if (callee instanceof Inert) return this.#pushContainer(new Inert(callee.name));
    if (typeof callee !== "function" || !Array.isArray(args)) {
      return this.#fail("it calls what is not a function");
    }
    this.#push(callee(args));
  }

  /** Makes an object of a class, which with its arguments is so many values of the stack. */
  #make(count: number): void {
    const [type] = this.#popMany(count);
    if (!(type instanceof Inert)) return this.#fail("it makes an object of what is not a class");
    this.#pushContainer(new Inert(type.name));
  }

  /** Sets attributes of an object: an ordered dictionary's are notes that nothing here reads. */
  #build(): void {
    this.#pop();
    const object = this.#top();
    if (!(object instanceof Map || object instanceof Inert)) {
      this.#fail("it sets attributes of an object");
    }
  }

  #append(values: readonly unknown[]): void {
    const list = this.#top();
    if (list instanceof Inert) return;
    if (!Array.isArray(list)) return this.#fail("it appends to what is not a list");
    for (const value of values) list.push(value);
  }

  #setItems(keysAndValues: readonly unknown[]): void {
    const map = this.#top();
    if (map instanceof Inert) return;
    if (!(map instanceof Map)) return this.#fail("it sets items of what is not a dictionary");
    if (keysAndValues.length % 2 !== 0) this.#fail("a dictionary key lacks its value");
    for (let i = 0; i < keysAndValues.length; i += 2) {
      map.set(keysAndValues[i], keysAndValues[i + 1]);
    }
  }

  #get(index: number): void {
    if (!this.#memo.has(index)) this.#fail(`it recalls value ${index}, which was never stored`);
    this.#push(this.#memo.get(index));
  }

  #put(index: number): void {
    this.#memo.set(index, this.#top());
  }

  #pushContainer(value: object): void {
    this.#countContainer();
    this.#push(value);
  }

  #countContainer(): void {
    if (++this.#containers > this.#limits.containers) {
      this.#fail(`it has more than ${this.#limits.containers} lists and dictionaries`);
    }
  }

  #push(value: unknown): void {
    this.#stack.push(value);
  }

  #top(): unknown {
    if (this.#stack.length === 0) this.#fail("its stack runs empty");
    return this.#stack.at(-1);
  }

  #pop(): unknown {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popMany(count: number): unknown[] {
    if (this.#stack.length < count) this.#fail("its stack runs empty");
    return this.#stack.splice(-count);
  }

  /** Everything since the last MARK. */
  #popMark(): unknown[] {
    const items = this.#stack;
    this.#stack = this.#marked.pop() ?? this.#fail("it closes a list that was never opened");
    return items;
  }

  /** Moves past some bytes and returns where they start. */
  #skip(count: number): number {
    const start = this.#at;
    if (count > this.#bytes.length - start) this.#fail("it breaks off in the middle");
    this.#at += count;
    return start;
  }

  #take(count: number): Uint8Array {
    const start = this.#skip(count);
    return this.#bytes.subarray(start, start + count);
  }

  #uint8(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  #uint16(): number {
    return this.#view.getUint16(this.#skip(2), true);
  }

  #uint32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  #uint64(): number {
    return Number(this.#view.getBigUint64(this.#skip(8), true));
  }

  /** A little-endian integer in two's complement. */
  #long(length: number): number | bigint {
    if (length > MAX_LONG_BYTES) this.#fail(`it has an integer of ${length} bytes`);
    const bytes = this.#take(length);
    const unsigned = bytes.reduceRight((value, byte) => value << 8n | BigInt(byte), 0n);
    const value = BigInt.asIntN(8 * length, unsigned);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #text(length: number): string {
    return new TextDecoder().decode(this.#take(length));
  }

  /** The text up to the next line feed. */
  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) this.#fail("it breaks off in the middle");
    const line = this.#text(end - this.#at);
    this.#at = end + 1;
    return line;
  }
}
