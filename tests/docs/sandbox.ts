/**
 * A folder in which documented commands run as in a clone, without touching it: links to everything
 * in the project.
 */
import { ROOT } from "./markdown.ts";

/** What a script did. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What commands write to, and so is no link. */
const OWN = new Set([".git", "runs", "dist"]);

/** The permissions of `deno task ardiff` in whole flags: its set names paths, which links change. */
const PERMISSIONS = "--allow-ffi --allow-env --allow-read --allow-write --allow-run=python3";

/** A temporary folder; disposing of it removes it. */
export class Sandbox implements Disposable {
  readonly #path = Deno.makeTempDirSync({ prefix: "ardiff-docs-" });

  constructor() {
    for (const { name } of Deno.readDirSync(ROOT)) {
      if (!OWN.has(name)) Deno.symlinkSync(`${ROOT}${name}`, `${this.#path}/${name}`);
    }
  }

  /** Puts a file into the folder. */
  write(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.#path}/${name}`, text);
  }

  /** Runs a script with `ardiff` and `deno` as commands; its first failure ends it. */
  async run(script: string): Promise<Outcome> {
    const deno = Deno.execPath();
    const prelude = `set -euo pipefail
      deno() { '${deno}' "$@"; }
      ardiff() { '${deno}' run --frozen ${PERMISSIONS} main.ts "$@"; }`;
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-c", `${prelude}\n${script}`],
      cwd: this.#path,
      stdin: "null",
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#path, { recursive: true });
  }
}
