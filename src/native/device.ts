/** Chooses the device that `auto` means. */
import { describeLibrary } from "./library_info.ts";
import type { Device } from "./model.ts";

/** The first CUDA device where libtorch finds one, else the CPU. */
export function resolveDevice(choice: "auto" | Device): Device {
  if (choice !== "auto") return choice;
  return describeLibrary().cuda_devices.length > 0
    ? { kind: "cuda", index: 0 }
    : { kind: "cpu", index: 0 };
}
