/** Takes fields out of JSON lines. */

/**
 * The value at `path` in a JSON value, undefined where there is none. A path is a field's name, or
 * names joined by dots; a field whose own name has dots in it comes first.
 */
export function valueAt(value: unknown, path: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  if (Object.hasOwn(value, path)) return (value as Record<string, unknown>)[path];
  for (let dot = path.indexOf("."); dot >= 0; dot = path.indexOf(".", dot + 1)) {
    const [name, rest] = [path.slice(0, dot), path.slice(dot + 1)];
    if (!Object.hasOwn(value, name)) continue;
    const found = valueAt((value as Record<string, unknown>)[name], rest);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The strings of a field that holds one or a list of them; undefined for anything else. */
export function stringsOf(value: unknown): string[] | undefined {
  const list: unknown = typeof value === "string" ? [value] : value;
  return Array.isArray(list) && list.every((item) => typeof item === "string") ? list : undefined;
}
