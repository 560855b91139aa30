/**
 * Who could have put a library where ardiff looks for one unasked. Beside an executable in a folder
 * that many write to, such as /tmp, anyone may have placed a "libtorch".
 */

/** What a check of a place found wrong; undefined where nothing is. */
export type Flaw = string | undefined;

const WRITABLE_BY_OTHERS = 0o022;

/**
 * Whether a folder of libraries, with the steps that lead to it from another, belongs to the owner
 * of the program or to the administrator, and whether no one else may write there.
 *
 * The owner of the program stands for the user: whoever could change the program needs no library.
 *
 * @param start the folder that is known to be the program's, which itself is not checked unless it
 *   holds the libraries
 * @param below the path from it to the libraries: "" or "/libtorch/lib"
 * @param files names of the libraries
 * @param program the executable
 */
export function flawOfFolder(
  start: string,
  below: string,
  files: readonly string[],
  program: string,
): Flaw {
  const owner = Deno.lstatSync(program).uid;
  const steps = below.split("/").slice(1).map((_, index, all) =>
    `${start}/${all.slice(0, index + 1).join("/")}`
  );
  const folder = `${start}${below}`;
  for (const step of steps) {
    // The owner of a link may point it elsewhere once it has been checked.
    if (!isTrusted(Deno.lstatSync(step), owner)) return `another user owns "${step}"`;
  }
  for (const path of [folder, ...files.map((name) => `${folder}/${name}`)]) {
    const link = Deno.lstatSync(path);
    const found = Deno.statSync(path);
    if (!isTrusted(link, owner) || !isTrusted(found, owner)) return `another user owns "${path}"`;
    if (((found.mode ?? 0) & WRITABLE_BY_OTHERS) !== 0) return `other users may write "${path}"`;
  }
  return undefined;
}

function isTrusted({ uid }: Deno.FileInfo, owner: number | null): boolean {
  return uid === 0 || uid === owner;
}
