/** Token ids as the network reads and writes them: framed by special tokens, and cut to a limit. */

/** A framed sequence. */
interface Framed {
  /** Ids, special tokens included; at most as many as the limit. */
  readonly ids: readonly number[];
  /** How many there were before they were cut. */
  readonly length: number;
}

/** A source: start token if the model has one, ids, end token. */
export function frameSource(
  ids: readonly number[],
  { bos, eos }: { readonly bos: number | null; readonly eos: number },
  limit: number,
): Framed {
  return framed(bos === null ? [] : [bos], ids, eos, limit);
}

/** A target: ids, end token. */
export function frameTarget(ids: readonly number[], eos: number, limit: number): Framed {
  return framed([], ids, eos, limit);
}

function framed(
  start: readonly number[],
  ids: readonly number[],
  eos: number,
  limit: number,
): Framed {
  const room = Math.max(0, limit - start.length - 1);
  return {
    ids: [...start, ...ids.slice(0, room), eos],
    length: start.length + ids.length + 1,
  };
}
