/** The command-line program: parses, dispatches, and is the one place that exits. */
import { run } from "./src/cli/run.ts";
import { processEnvironment } from "./src/host/environment.ts";

if (import.meta.main) Deno.exit(await run(Deno.args, processEnvironment()));
