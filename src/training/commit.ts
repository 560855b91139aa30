/** The commit of ardiff itself, for model cards. */

const ROOT = new URL("../../", import.meta.url);

/**
 * The commit that is checked out, as far as the `.git` folder says, or the file that stands for it in
 * a linked working tree; undefined outside of a clone.
 *
 * @param root folder of the clone. Default: the program's
 */
export function currentCommit(root: URL = ROOT): string | undefined {
  const link = /^gitdir: (.*)$/m.exec(read(new URL(".git", root)) ?? "")?.[1];
  const own = link === undefined ? new URL(".git/", root) : folderAt(link, root);
  const common = read(new URL("commondir", own));
  const shared = common === undefined ? own : folderAt(common, own);
  const head = read(new URL("HEAD", own));
  if (!head?.startsWith("ref: ")) return head;
  const branch = head.slice("ref: ".length);
  return read(new URL(branch, shared)) ??
    read(new URL("packed-refs", shared))?.split("\n")
      .find((line) => line.endsWith(` ${branch}`))?.split(" ")[0];
}

/** The text of a file; undefined for a folder and where there is nothing to read. */
function read(file: URL): string | undefined {
  try {
    return Deno.readTextFileSync(file).trim();
  } catch {
    return undefined;
  }
}

/** A folder by its path, which may be relative to another one. */
function folderAt(path: string, base: URL): URL {
  return new URL(`${encodeURI(path)}/`, base);
}
