/**
 * What downloads leave in the place of a file: the pointer of Git LFS, or a page that a site shows
 * instead of it.
 */

const POINTER = "version https://git-lfs.github.com/spec/";
const PAGE = /^\s*<(!doctype html|html|head|\?xml|!--)/i;

/** What bytes are, with the way out, where they are no file of a model but stand in its place. */
export function standIn(bytes: Uint8Array): string | undefined {
  const start = new TextDecoder().decode(bytes.subarray(0, 256));
  if (start.startsWith(POINTER)) {
    return 'it is a pointer of Git LFS, not the file itself: run "git lfs pull" in its repository';
  }
  if (PAGE.test(start)) {
    return "it is a web page, not the file itself: download it again, and look at what comes";
  }
  return undefined;
}
