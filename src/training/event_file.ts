/**
 * TensorBoard event files: TFRecord framing (length, checksum, data, checksum) around `Event`
 * messages of TensorFlow's event.proto.
 */
import { unwritable, writeAll } from "../host/files.ts";
import { maskedCrc32c } from "./crc32c.ts";
import {
  bytesField,
  doubleField,
  type Encoded,
  floatField,
  message,
  varintField,
} from "./protobuf.ts";

/** A file that events are appended to. */
export class EventFile implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #path: string;

  /**
   * Begins a file.
   *
   * @param step the first step it will speak of; TensorBoard then drops what an earlier, interrupted
   *   part of the run has written about that step and later ones
   * @param now seconds since 1970
   */
  constructor(folder: string, step: number, now: number) {
    this.#path = `${folder}/events.out.tfevents.${Math.floor(now)}.ardiff.${Deno.pid}`;
    try {
      Deno.mkdirSync(folder, { recursive: true });
      this.#file = Deno.openSync(this.#path, { append: true, create: true });
    } catch (error) {
      throw unwritable(this.#path, error);
    }
    this.#write(message(doubleField(1, now), bytesField(3, "brain.Event:2")));
    const sessionStart = varintField(1, 1);
    this.#write(message(doubleField(1, now), varintField(2, step), bytesField(7, sessionStart)));
  }

  /** Adds points to the curves of their names. */
  scalars(step: number, now: number, values: Readonly<Record<string, number>>): void {
    const entries = Object.entries(values).map(([tag, value]) =>
      bytesField(1, message(bytesField(1, tag), floatField(2, value)))
    );
    this.#summary(step, now, entries);
  }

  /** Adds a text in Markdown. */
  text(step: number, now: number, tag: string, markdown: string): void {
    const stringType = 7;
    const tensor = message(
      varintField(1, stringType),
      bytesField(2, bytesField(2, varintField(1, 1))), // shape [1]
      bytesField(8, markdown),
    );
    const metadata = bytesField(1, bytesField(1, "text")); // the plugin's name
    const value = message(bytesField(1, tag), bytesField(8, tensor), bytesField(9, metadata));
    this.#summary(step, now, [bytesField(1, value)]);
  }

  /** Says by which options the run is to be compared with others: a row of the tab "HParams". */
  sessionStart(now: number, options: Readonly<Record<string, string | number | boolean>>): void {
    const entries = Object.entries(options).map(([name, value]) =>
      bytesField(1, message(bytesField(1, name), bytesField(2, protobufValue(value))))
    );
    const info = message(...entries, doubleField(5, now));
    this.#hparams(now, "_hparams_/session_start_info", bytesField(3, info));
  }

  /** Says that the run has come to its end. */
  sessionEnd(now: number): void {
    const succeeded = 1;
    const info = message(varintField(1, succeeded), doubleField(2, now));
    this.#hparams(now, "_hparams_/session_end_info", bytesField(4, info));
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  /** Writes a message of the plugin for hyperparameters, which is metadata of a value that says nothing. */
  #hparams(now: number, tag: string, content: Encoded): void {
    const plugin = message(bytesField(1, "hparams"), bytesField(2, content));
    const value = message(bytesField(1, tag), NO_TENSOR, bytesField(9, bytesField(1, plugin)));
    this.#summary(0, now, [bytesField(1, value)]);
  }

  #summary(step: number, now: number, values: readonly Encoded[]): void {
    const summary = bytesField(5, message(...values));
    const place = step === 0 ? [] : [varintField(2, step)];
    this.#write(message(doubleField(1, now), ...place, summary));
  }

  #write(event: Encoded): void {
    try {
      writeAll(this.#file, frameRecord(event));
    } catch (error) {
      throw unwritable(this.#path, error);
    }
  }
}

/** A google.protobuf.Value. */
function protobufValue(value: string | number | boolean): Encoded {
  if (typeof value === "number") return doubleField(2, value);
  return typeof value === "string" ? bytesField(3, value) : varintField(4, Number(value));
}

/** The tensor that values without one have: of floats, with one dimension of no size. */
const NO_TENSOR = bytesField(
  8,
  message(varintField(1, 1), bytesField(2, bytesField(2, message()))),
);

/** Data as a TFRecord. */
function frameRecord(data: Encoded): Encoded {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return record;
}
