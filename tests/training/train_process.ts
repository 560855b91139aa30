/** Trains in a process of its own, which tests can stop: CONFIG OUTPUT
 * [rank-timeout=SECONDS] [section.key=value ...]. */
import { UserError } from "../../src/errors.ts";
import { processEnvironment } from "../../src/host/environment.ts";
import { train } from "../../src/training/train.ts";

const [config, output, ...options] = Deno.args as [string, string, ...string[]];
const TIMEOUT = "rank-timeout=";
const timeout = options.find((option) => option.startsWith(TIMEOUT))?.slice(TIMEOUT.length);
const set = options.filter((option) => !option.startsWith(TIMEOUT));
const environment = processEnvironment();
try {
  await train(config, {
    output,
    set,
    resume: true,
    ...timeout && { rankTimeout: Number(timeout) },
  }, environment);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  environment.stderr(`Error: ${error.message}\n`);
  Deno.exit(error.exitCode);
}
