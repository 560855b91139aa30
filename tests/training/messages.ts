/** Messages of a process that a test waits for. */

/** What a process says, as it says it. */
export class Messages {
  text = "";
  readonly ended: Promise<void>;
  #onChange = () => {};

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.ended = (async () => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        this.text += text;
        this.#onChange();
      }
    })();
  }

  /** Resolves when a text has been said, or nothing more will be. */
  async until(text: string): Promise<void> {
    while (!this.text.includes(text)) {
      const changed = new Promise<boolean>((resolve) => (this.#onChange = () => resolve(false)));
      if (await Promise.race([changed, this.ended.then(() => true)])) return;
    }
  }
}
