/**
 * The program in this process, with streams and variables of the test's own: for all that needs
 * neither a shell nor a process of its own, which take most of the time of a test.
 */
import { run } from "../../src/cli/run.ts";
import type { Environment } from "../../src/host/environment.ts";
import { writeTinyModel } from "../generation/tiny_model.ts";
import type { Outcome } from "./shell.ts";

/** What the program finds. */
export interface Surroundings {
  readonly variables?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array<ArrayBuffer>;
  /** Whether standard output and error are a terminal with colours. */
  readonly terminal?: boolean;
}

/** Runs a command line. */
export async function runHere(
  args: readonly string[],
  { variables = {}, stdin = "", terminal = false }: Surroundings = {},
): Promise<Outcome> {
  const printed = { stdout: "", stderr: "" };
  const environment: Environment = {
    stdin: new Blob([stdin]).stream(),
    stdout(text) {
      printed.stdout += text;
      return Promise.resolve();
    },
    stderr(text) {
      printed.stderr += text;
    },
    interactive: terminal,
    colors: { stdout: terminal, stderr: terminal },
    variable: (name) => variables[name] || undefined,
  };
  return { code: await run(args, environment), ...printed };
}

let model: string | undefined;

/** The folder of a small model that all tests of a file share: none may change it. */
export function sharedModel(): string {
  if (model === undefined) {
    const folder = Deno.makeTempDirSync();
    addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
    model = `${folder}/model`;
    writeTinyModel(model);
  }
  return model;
}
