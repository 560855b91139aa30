/** Files of tests/data/metrics, which scripts/oracles/metrics_record.py writes. */
export async function readFixture(name: string): Promise<string> {
  return await Deno.readTextFile(new URL(`../data/metrics/${name}`, import.meta.url));
}

/** A fixture of JSON, taken to be of the type asked for. */
export async function readJsonFixture<T>(name: string): Promise<T> {
  return JSON.parse(await readFixture(name));
}

/** A fixture of text lines, a line feed at the very end not counted. */
export async function readLinesFixture(name: string): Promise<string[]> {
  return (await readFixture(name)).replace(/\n$/, "").split("\n");
}
