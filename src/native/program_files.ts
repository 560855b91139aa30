/**
 * Files that come with the program. A package lays them out as a clone does, with the bundled
 * modules in `src/bundle/`: so they are found from wherever this module is, two folders up.
 */

/** The path of a file or folder, given from the folder of the project. */
export function programFile(path: string): string {
  return decodeURIComponent(new URL(`../../${path}`, import.meta.url).pathname);
}
