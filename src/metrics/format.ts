/** Numbers as the reference implementations print them. */

/** More decimals than any tie between two printed values can have at the magnitude of a score. */
const EXACT_DECIMALS = 60;

/**
 * `value` with `digits` decimals, exact ties rounded to even: Python's `f"{value:.{digits}f}"`.
 * `toFixed` alone would print the precision 1/16 as 6.3 where sacreBLEU prints 6.2.
 */
export function formatFixed(value: number, digits: number): string {
  const rounded = value.toFixed(digits);
  const exact = value.toFixed(EXACT_DECIMALS);
  const cut = exact.length - EXACT_DECIMALS + digits;
  if (!/^50*$/.test(exact.slice(cut))) return rounded;
  const truncated = digits === 0 ? exact.slice(0, cut - 1) : exact.slice(0, cut);
  return "02468".includes(truncated.at(-1)!) ? truncated : rounded;
}
