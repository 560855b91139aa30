/** The commit of ardiff itself, for model cards. */

/**
 * The commit that is checked out, as far as the `.git` folder of the program says; undefined outside
 * of a clone.
 */
export function currentCommit(): string | undefined {
  const read = (path: string) => {
    try {
      return Deno.readTextFileSync(new URL(`../../.git/${path}`, import.meta.url)).trim();
    } catch {
      return undefined;
    }
  };
  const head = read("HEAD");
  if (!head?.startsWith("ref: ")) return head;
  const branch = head.slice("ref: ".length);
  return read(branch) ??
    read("packed-refs")?.split("\n").find((line) => line.endsWith(` ${branch}`))?.split(" ")[0];
}
