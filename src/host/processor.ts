/** Processor time, which tells what work costs where other programs share the machine. */
import { cpuUsage } from "node:process";

/** Processor seconds of all threads of this process since its start. */
export function processorSeconds(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1e6;
}
