/** What is written beside distilled data: of what they were made, and what became of it. */
import { readTextFile, statIfPresent } from "../../host/files.ts";
import { isObject } from "../../host/json_value.ts";
import { digestOf } from "../../host/manifest.ts";
import { parseJsonText } from "../../json_text.ts";
import { VERSION } from "../../version.ts";
import type { DistillCounts } from "./distill.ts";
import { writeJson } from "./partial_file.ts";

/** All that the data depend on, as values of JSON. */
type DistillSettings = Readonly<Record<string, unknown>>;

/** Whether a file of pairs is whole, and was made as it would be now. */
export function isDistilled(path: string, settings: DistillSettings): boolean {
  return wasDistilledWith(path, settings) && readManifest(path)!["sha256"] === digestOf(path);
}

/** Whether a file of pairs is there, and was made with these settings and maybe others. */
export function wasDistilledWith(path: string, settings: DistillSettings): boolean {
  const manifest = readManifest(path);
  return manifest !== undefined &&
    Object.entries(settings).every(([name, value]) =>
      JSON.stringify(manifest[name]) === JSON.stringify(value)
    );
}

/** The manifest of a file of pairs; undefined where one of the two is not there. */
function readManifest(path: string): Readonly<Record<string, unknown>> | undefined {
  if (statIfPresent(path) === null || statIfPresent(manifestPath(path)) === null) return undefined;
  const manifest = parseJsonText(readTextFile(manifestPath(path)));
  return isObject(manifest) ? manifest : undefined;
}

/**
 * Writes the manifest of a file of pairs.
 *
 * @param path the name that the file will have
 * @param content where it is now
 */
export function writeDistillManifest(
  path: string,
  content: string,
  counts: DistillCounts,
  settings: DistillSettings,
): void {
  const { pairs, emptyPairs, lines, references, chrf } = counts;
  const distilled = pairs - emptyPairs - references;
  writeJson(manifestPath(path), {
    format: "ardiff-distilled-1",
    created_by: `ardiff ${VERSION}`,
    ...settings,
    pairs,
    empty_pairs: emptyPairs,
    lines,
    kept_references: references,
    mean_chrf: distilled === 0 ? null : Number((chrf / distilled).toFixed(4)),
    sha256: digestOf(content),
  });
}

/** Names and SHA-256 of files. */
export function digestsOf(paths: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    paths.map((path) => [path.slice(path.lastIndexOf("/") + 1), digestOf(path)]),
  );
}

/**
 * Says what was done.
 *
 * @param now pairs that were worked on this time
 * @param seconds that it took
 */
export function describeDistilled(counts: DistillCounts, now: number, seconds: number): string {
  const { pairs, emptyPairs, lines, references, chrf } = counts;
  const count = (value: number) => value.toLocaleString("en");
  const distilled = pairs - emptyPairs - references;
  return `${count(lines)} lines of ${count(pairs)} pairs` +
    `${emptyPairs > 0 ? `, of which ${count(emptyPairs)} had an empty side` : ""}; ` +
    `${count(references)} references; ` +
    `${distilled > 0 ? `mean chrF of the others ${(chrf / distilled).toFixed(1)}; ` : ""}` +
    `${(now / seconds).toPrecision(3)} pairs a second.`;
}

function manifestPath(path: string): string {
  return `${path}.manifest.json`;
}
