/** Takes the options of loading and of generating out of those of a command. */
import {
  GENERATION_OPTIONS,
  type GenerationValues,
  LOAD_OPTIONS,
  type ValuesOf,
} from "./options.ts";

/** Values of all options of a model's run. */
type RunValues = GenerationValues & ValuesOf<typeof LOAD_OPTIONS>;

/** How the model is loaded. */
export function loadOptionsOf(options: RunValues): ValuesOf<typeof LOAD_OPTIONS> {
  return pick(options, LOAD_OPTIONS);
}

/** How it generates. */
export function generationOptionsOf(options: RunValues): GenerationValues {
  return pick(options, GENERATION_OPTIONS);
}

function pick<T extends object, K extends keyof T>(from: T, table: Record<K, unknown>): Pick<T, K> {
  const names = Object.keys(table) as K[];
  return Object.fromEntries(names.map((name) => [name, from[name]])) as Pick<T, K>;
}
