import { assertEquals } from "@std/assert";
import { currentCommit } from "../../src/training/commit.ts";
import { withFolder } from "../denoiser/test_files.ts";

const HASHES = ["1", "2", "3"].map((digit) => digit.repeat(40)) as [string, string, string];

/** Writes files, and the folders they lie in. */
function write(folder: string, files: Readonly<Record<string, string>>): URL {
  for (const [name, text] of Object.entries(files)) {
    const path = `${folder}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, text);
  }
  return new URL(`file://${folder}/`);
}

Deno.test(
  "currentCommit() follows a branch, packed or not, and knows a detached head",
  withFolder((folder) => {
    const root = write(folder, {
      ".git/HEAD": "ref: refs/heads/main\n",
      ".git/packed-refs": `# pack-refs\n${HASHES[0]} refs/heads/main\n${HASHES[2]} refs/heads/x\n`,
    });
    assertEquals(currentCommit(root), HASHES[0]);
    write(folder, { ".git/refs/heads/main": `${HASHES[1]}\n` });
    assertEquals(currentCommit(root), HASHES[1]);
    write(folder, { ".git/HEAD": `${HASHES[2]}\n` });
    assertEquals(currentCommit(root), HASHES[2]);
  }),
);

Deno.test(
  "currentCommit() finds the branch of a linked working tree in the clone it belongs to",
  withFolder((folder) => {
    write(folder, {
      "clone/.git/HEAD": "ref: refs/heads/main\n",
      "clone/.git/refs/heads/main": HASHES[0],
      "clone/.git/refs/heads/side": HASHES[1],
      "clone/.git/worktrees/tree/HEAD": "ref: refs/heads/side\n",
      "clone/.git/worktrees/tree/commondir": "../..\n",
      "tree/.git": `gitdir: ${folder}/clone/.git/worktrees/tree\n`,
    });
    assertEquals(currentCommit(new URL(`file://${folder}/tree/`)), HASHES[1]);
    assertEquals(currentCommit(new URL(`file://${folder}/clone/`)), HASHES[0]);
  }),
);

Deno.test(
  "currentCommit() is undefined outside of a clone",
  withFolder((folder) => {
    assertEquals(currentCommit(new URL(`file://${folder}/`)), undefined);
  }),
);
