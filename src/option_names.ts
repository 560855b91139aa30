/** Options of functions, checked for programs that no compiler has checked. */
import { ExitCode, UserError } from "./errors.ts";
import { nearest } from "./nearest.ts";

/** Every name of an options object. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

/** @throws {UserError} that names the first option which there is not */
export function expectKnownOptions<Options extends object>(
  options: Options,
  known: OptionNames<Options>,
  taker: string,
): void {
  const names = Object.keys(known);
  const stranger = Object.keys(options).find((name) => !names.includes(name));
  if (stranger === undefined) return;
  const near = nearest(stranger, names);
  throw new UserError(
    ExitCode.usage,
    `Cannot use option "${stranger}" of ${taker}: ${
      near === undefined ? `expected some of ${names.join(", ")}` : `did you mean "${near}"?`
    }`,
  );
}

/** @throws {UserError} that names the first option whose value is none of those there are */
export function expectChoices<Options extends object>(
  options: Options,
  choices: Partial<Record<keyof Options, readonly unknown[]>>,
  taker: string,
): void {
  for (const [name, known] of Object.entries(choices) as [keyof Options & string, unknown[]][]) {
    const value: unknown = options[name];
    if (value === undefined || known.includes(value)) continue;
    throw new UserError(
      ExitCode.usage,
      `Cannot use ${name} ${JSON.stringify(value)} of ${taker}: expected one of ${
        known.map((choice) => JSON.stringify(choice)).join(", ")
      }`,
    );
  }
}
