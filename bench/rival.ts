/** The twin in CTranslate2 as a child process that translates when told to (`ctranslate2_twin.py serve`). */

/** What it is to do. */
export interface RivalSetting {
  readonly compute_type: "float32" | "int8";
  /** Width of the beam search; 1 is greedy. */
  readonly beam: number;
  /** Lines at once. */
  readonly batch: number;
  /** Lines, the first of the development set. */
  readonly lines: number;
}

/** What it did. */
export interface RivalRun {
  /** Of the whole process, from text to text. */
  readonly processor_seconds: number;
  /** Of the wall clock. */
  readonly seconds: number;
  readonly texts: readonly string[];
  /** Tokens of every text; end tokens are not counted. */
  readonly tokens: readonly number[];
}

/** What it runs on. */
export interface RivalInfo {
  /** CTranslate2's version. */
  readonly ctranslate2: string;
  readonly processor: string;
}

const ROOT = new URL("../", import.meta.url).pathname;

/** The process, which loads a model once for every type of arithmetic. */
export class Rival implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  #buffered: string[] = [];

  /**
   * @param model folder that `ctranslate2_twin.py convert` wrote
   * @param config the training configuration that names the development set
   */
  constructor(model: string, config: string) {
    this.#process = new Deno.Command(`${ROOT}bench/rivals.sh`, {
      args: [`${ROOT}bench/ctranslate2_twin.py`, "serve", "--model", model, "--config", config],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#output = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** What it runs on; to be asked for once, before any run. */
  async info(): Promise<RivalInfo> {
    return JSON.parse(await this.#line()) as RivalInfo;
  }

  /** Translates the first lines of the development set. */
  async run(setting: RivalSetting): Promise<RivalRun> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(setting)}\n`));
    return JSON.parse(await this.#line()) as RivalRun;
  }

  /** Ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#output.cancel();
    await this.#process.status;
  }

  async #line(): Promise<string> {
    for (;;) {
      const { value, done } = await this.#output.read();
      if (done) throw new Error("CTranslate2's process ended early");
      const end = value.indexOf("\n");
      if (end < 0) {
        this.#buffered.push(value);
        continue;
      }
      const line = this.#buffered.join("") + value.slice(0, end);
      this.#buffered = [value.slice(end + 1)];
      return line;
    }
  }
}
