import type { GoldenFolder } from "./folder.ts";
import type { Finding } from "./report.ts";
export async function checkTraining(_folder: GoldenFolder, _options: unknown): Promise<Finding[]> {
  return await Promise.resolve([]);
}
