/** Where a result was computed, as far as it may be told without further permissions. */
import { describeLibrary } from "../native/library_info.ts";
import type { Machine } from "./records.ts";

/** This machine. */
export function thisMachine(): Machine {
  return {
    processor: processorName(),
    hardwareThreads: navigator.hardwareConcurrency,
    instructionSet: describeLibrary().instruction_set,
    system: Deno.build.target,
    deno: Deno.version.deno,
  };
}

/** As Linux calls it; "unknown" elsewhere. */
function processorName(): string {
  try {
    const text = Deno.readTextFileSync("/proc/cpuinfo");
    return /^model name\s*: (.*)$/m.exec(text)?.[1] ?? "unknown";
  } catch {
    return "unknown";
  }
}
