/** Repeated measurements as a median and the range of their middle half. */

/** Median and quartiles. */
export interface Summary {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Summarises one measurement or more. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: at(sorted, 0.5), low: at(sorted, 0.25), high: at(sorted, 0.75) };
}

/** The median alone. */
export function median(values: readonly number[]): number {
  return summarize(values).median;
}

function at(sorted: readonly number[], quantile: number): number {
  const place = quantile * (sorted.length - 1);
  const below = sorted[Math.floor(place)]!;
  return below + (sorted[Math.ceil(place)]! - below) * (place - Math.floor(place));
}

/** A number with three significant digits, without exponent. */
export function digits(value: number): string {
  if (value === 0) return "0";
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(decimals);
}

/** "median (low to high)". */
export function spread(values: readonly number[]): string {
  const { median, low, high } = summarize(values);
  return `${digits(median)} (${digits(low)} to ${digits(high)})`;
}

/** Rows as a Markdown table; the first row is the heading. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => typeof cell === "number" ? digits(cell) : cell).join(" | ")} |`;
  const [heading = [], ...body] = rows;
  const rule = heading.map((_, column) => column === 0 ? "---" : "---:");
  return [line(heading), line(rule), ...body.map(line)].join("\n");
}
