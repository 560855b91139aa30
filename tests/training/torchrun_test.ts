/** Ranks that torchrun starts, and starts again. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ExitCode } from "../../src/errors.ts";
import { listCheckpoints } from "../../src/training/checkpoint.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { Messages } from "./messages.ts";
import { assertSameWeights, runTraining, writeRun } from "./sample_run.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);
const TORCHRUN = `${ROOT}.venv/bin/torchrun`;
/** Of which the kill, at one of the first, leaves some. */
const STEPS = 200;

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** A command that says its process's number in a file; torchrun makes two dollars one. */
const RANK = 'echo $$$$ >"$1/rank.$RANK" && shift && exec "$@"';

/** The process of a rank. */
function processOf(folder: string, rank: number): number {
  const text = Deno.readTextFileSync(`${folder}/rank.${rank}`).trimEnd();
  // What is no number would be 0, and that the process group of the test.
  assertMatch(text, /^[1-9]\d*$/);
  return Number(text);
}

const wait = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

Deno.test({
  name: isThere(TORCHRUN)
    ? "torchrun starts ranks again after kill -9 of one, to the weights of an undisturbed process"
    : "torchrun starts ranks again: left out, as there is no .venv/bin/torchrun (scripts/setup.sh)",
  ignore: !isThere(TORCHRUN),
  fn: withFolder(async (folder) => {
    const config = writeRun(folder);
    const set = [`training.steps=${STEPS}`, "checkpoints.every=5"];
    const [killed, whole] = [`${folder}/killed`, `${folder}/whole`];
    const process = new Deno.Command(TORCHRUN, {
      args: [
        ...["--standalone", "--nproc-per-node", "2", "--max-restarts", "3", "--no-python"],
        ...["sh", "-c", RANK, "sh", folder],
        ...[`${ROOT}bin/ardiff`, "train", config, "--output", killed, "--resume"],
        ...set.flatMap((setting) => ["--set", setting]),
      ],
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const messages = new Messages(process.stderr);
    const isOver = { yes: false };
    messages.ended.then(() => isOver.yes = true);
    while (listCheckpoints(`${killed}/checkpoints`).length === 0 && !isOver.yes) await wait(20);
    await wait(Math.random() * 200);
    const victim = Math.floor(Math.random() * 2);
    const wasAlive = !isOver.yes && kill(processOf(folder, victim));
    await messages.ended;
    const { code } = await process.status;
    assertEquals(code, ExitCode.ok, messages.text);
    assert(wasAlive, `rank ${victim} had ended before it was killed:\n${messages.text}`);
    assertMatch(messages.text, /Going on from step \d+\./);
    await runTraining(config, { output: whole, set });
    const last = `checkpoints/step-${String(STEPS).padStart(8, "0")}`;
    assertSameWeights(`${killed}/${last}`, `${whole}/${last}`);
  }),
});

/** Kills a process; false where it had ended. */
function kill(id: number): boolean {
  try {
    Deno.kill(id, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}
