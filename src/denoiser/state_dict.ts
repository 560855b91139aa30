/** What wrappers and averaging make of the published names of weights. */
import { isFloatType, type StoredTensor, toFloat32 } from "./tensors.ts";

/** What wrappers for parallel or compiled execution put before names. */
const NAME_PREFIX = /^(module|model|_orig_mod)\./;

const EMBEDDING = "word_embedding.weight";
const OUTPUT = "lm_head.weight";

/** Leaves the prefixes of wrappers out, but for a name that would then stand there twice. */
export function stripPrefixes(
  tensors: ReadonlyMap<string, StoredTensor>,
): ReadonlyMap<string, StoredTensor> {
  const names = new Map<string, string>();
  for (const name of tensors.keys()) {
    let bare = name;
    while (NAME_PREFIX.test(bare)) bare = bare.replace(NAME_PREFIX, "");
    const free = bare !== "" && !names.has(bare) && (bare === name || !tensors.has(bare));
    names.set(free ? bare : name, name);
  }
  return new Map([...names].map(([bare, name]) => [bare, tensors.get(name)!]));
}

/** Weights of which embedding and output layer are one matrix. */
interface TiedWeights {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Whether the file held two matrices. */
  readonly differed: boolean;
}

/**
 * Makes the output layer's matrix the embedding's too, where a file holds two.
 *
 * The published program averages parameters by name and so writes the averaged embedding beside a raw
 * output layer; its network ties the two and, loading such a file, ends with what it reads last: the
 * output layer's.
 */
export function tieWeights(tensors: ReadonlyMap<string, StoredTensor>): TiedWeights {
  const embedding = tensors.get(EMBEDDING);
  const output = tensors.get(OUTPUT);
  if (output === undefined || (embedding !== undefined && areEqual(embedding, output))) {
    return { tensors, differed: false };
  }
  if (embedding !== undefined && embedding.shape.join() !== output.shape.join()) {
    return { tensors, differed: false }; // no two versions of one matrix: checked later
  }
  return {
    tensors: new Map([...tensors, [EMBEDDING, output]]),
    differed: embedding !== undefined,
  };
}

function areEqual(left: StoredTensor, right: StoredTensor): boolean {
  if (!isFloatType(left.dtype) || !isFloatType(right.dtype)) return false;
  const [a, b] = [toFloat32(left), toFloat32(right)];
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
