/** The command-line program: parses, dispatches, and is the one place that exits. */
import { processEnvironment } from "./src/cli/environment.ts";
import { run } from "./src/cli/run.ts";

if (import.meta.main) Deno.exit(await run(Deno.args, processEnvironment()));
