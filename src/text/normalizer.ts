/**
 * The normalizers that our own encoder applies before it splits text: Unicode normal forms and
 * lower case, alone or in sequence, as Hugging Face's library defines them. A character newer than
 * the Unicode version of that library may still come out differently here, or the other way round.
 */

/** Names of Hugging Face normalizers without settings. */
export const NORMALIZERS = ["NFC", "NFD", "NFKC", "NFKD", "Lowercase"] as const;

/** One of {@linkcode NORMALIZERS}. */
export type NormalizerName = typeof NORMALIZERS[number];

/** Rewrites text before it is split into words. */
export type Normalizer = (text: string) => string;

/**
 * The names in the `normalizer` entry of a tokenizer.json, in order of application; undefined where
 * the entry asks for anything else.
 */
export function normalizerNames(entry: unknown): NormalizerName[] | undefined {
  if (entry === null || entry === undefined) return [];
  const { type, normalizers } = entry as { type?: unknown; normalizers?: unknown };
  if (type === "Sequence" && Array.isArray(normalizers)) {
    const names = normalizers.map(normalizerNames);
    return names.includes(undefined) ? undefined : names.flatMap((list) => list ?? []);
  }
  const name = NORMALIZERS.find((known) => known === type);
  return name && [name];
}

/** The function that applies the named normalizers in order. */
export function makeNormalizer(names: readonly NormalizerName[]): Normalizer {
  return (text) => names.reduce((result, name) => normalize(result, name), text);
}

/** The `normalizer` entry of a tokenizer.json that applies the named normalizers in order. */
export function normalizerEntry(names: readonly NormalizerName[]): unknown {
  if (names.length === 0) return null;
  const entries = names.map((type) => ({ type }));
  return entries.length === 1 ? entries[0] : { type: "Sequence", normalizers: entries };
}

function normalize(text: string, name: NormalizerName): string {
  // Hugging Face lowers each character alone, so a final capital sigma gets no final form.
  if (name === "Lowercase") return text.replaceAll("Σ", "σ").toLowerCase();
  return text.normalize(name);
}
