/**
 * The program as people run it: a command `ardiff` on the PATH of a real shell, with the permissions
 * of `deno task ardiff` and no others.
 */
import { writeTinyModel } from "../generation/tiny_model.ts";
import { withFolder } from "../denoiser/test_files.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);

/** What a script did. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with a model in `model`, and a shell in it. */
export interface Workplace {
  readonly folder: string;
  /** Runs a script with `bash`; its exit code is that of the last pipeline. */
  run(script: string): Promise<Outcome>;
  /** Writes a file into the folder. */
  write(name: string, content: string | Uint8Array): void;
}

/** Runs a test in a new folder that is removed after it. */
export function withShell(test: (workplace: Workplace) => Promise<void>): () => Promise<void> {
  return withFolder(async (folder) => {
    writeTinyModel(`${folder}/model`);
    Deno.mkdirSync(`${folder}/bin`);
    Deno.writeTextFileSync(
      `${folder}/bin/ardiff`,
      `#!/bin/sh
exec '${Deno.execPath()}' run --quiet --frozen --no-prompt -P=ardiff '${ROOT}main.ts' "$@"
`,
      { mode: 0o755 },
    );
    await test({
      folder,
      async run(script) {
        const { code, stdout, stderr } = await new Deno.Command("bash", {
          args: ["-c", script],
          cwd: folder,
          env: {
            PATH: `${folder}/bin:${Deno.env.get("PATH")}`,
            XDG_CONFIG_HOME: `${folder}/config`, // not the settings of whoever runs the tests
          },
          stdin: "null",
        }).output();
        const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
        return { code, stdout: text(stdout), stderr: text(stderr) };
      },
      write(name, content) {
        const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
        Deno.writeFileSync(`${folder}/${name}`, bytes);
      },
    });
  });
}

/** The lines of a text that ends with a line break, or has none. */
export function linesOf(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

/** Whether this machine has a program that not every machine has. */
export function isInstalled(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch {
    return false;
  }
}
