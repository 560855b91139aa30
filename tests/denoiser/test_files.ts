/** The path of a fixture made by scripts/oracles/checkpoint_fixtures.py. */
export function fixture(name: string): string {
  return pathOf(`../data/denoiser/${name}`);
}

/** The path of a file or folder of tests/golden/. */
export function golden(name: string): string {
  return pathOf(`../golden/${name}`);
}

/** Runs a test with the path of a new folder, which is removed after it. */
export function withFolder(test: (folder: string) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const folder = Deno.makeTempDirSync({ prefix: "ardiff test " });
    try {
      await test(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

function pathOf(relative: string): string {
  return decodeURIComponent(new URL(relative, import.meta.url).pathname);
}
