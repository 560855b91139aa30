/** Trains in a process of its own, which tests can stop: CONFIG OUTPUT [section.key=value ...]. */
import { UserError } from "../../src/errors.ts";
import { processEnvironment } from "../../src/host/environment.ts";
import { train } from "../../src/training/train.ts";

const [config, output, ...set] = Deno.args as [string, string, ...string[]];
const environment = processEnvironment();
try {
  await train(config, { output, set, resume: true }, environment);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  environment.stderr(`Error: ${error.message}\n`);
  Deno.exit(error.exitCode);
}
