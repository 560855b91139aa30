/** What the selection pool and its worker threads say to each other. */

import type { Selection, SelectionOptions } from "./select.ts";

/** An input to select for. */
export interface Request {
  readonly id: number;
  readonly candidates: readonly string[];
  readonly options: SelectionOptions;
}

/** The outcome for the request with the same id, or why there is none. */
export type Reply =
  | { readonly id: number; readonly selection: Selection }
  | { readonly id: number; readonly error: unknown };
