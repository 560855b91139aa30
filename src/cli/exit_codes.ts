/** What each exit code means, in the words of every table that lists them. */
import { ExitCode } from "../errors.ts";

const MEANINGS: Readonly<Record<keyof typeof ExitCode, string>> = {
  ok: "done; also where the reader of a pipe has gone",
  internal: "a defect of ardiff",
  usage: "the command line, a variable or the settings file cannot be understood",
  data: "input text or data cannot be read or is malformed",
  model: "a model folder, checkpoint or configuration is missing, damaged or inconsistent",
  native: "the native library or libtorch is missing or does not fit",
  device: "the device is missing or out of memory",
  output: "output cannot be written",
  diverged: "training met a loss that is not finite",
  check: "a check ran and did not pass",
  ranks: "of ranks that train together one is missing, differs or has ended",
  hungUp: "stopped by SIGHUP after saving",
  interrupted: "stopped by SIGINT after saving",
  terminated: "stopped by SIGTERM after saving",
};

/** Every exit code with its meaning, in ascending order. */
export const EXIT_CODES: readonly (readonly [code: ExitCode, meaning: string])[] =
  (Object.keys(ExitCode) as (keyof typeof ExitCode)[])
    .map((name) => [ExitCode[name], MEANINGS[name]] as const)
    .sort(([left], [right]) => left - right);
