/** Where a result was computed, as far as it may be told without further permissions. */
import { describeLibrary } from "../native/library_info.ts";
import type { Machine } from "./records.ts";

/** This machine. */
export function thisMachine(): Machine {
  return {
    hardwareThreads: navigator.hardwareConcurrency,
    instructionSet: describeLibrary().instruction_set,
    system: Deno.build.target,
    deno: Deno.version.deno,
  };
}
