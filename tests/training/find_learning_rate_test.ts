import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { train } from "../../src/commands/train.ts";
import {
  describeRange,
  hasDiverged,
  pointAfter,
  type RangePoint,
  rangeTable,
  rateAt,
} from "../../src/training/find_learning_rate.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { writeRun } from "./sample_run.ts";

/** The points of losses at the rates of a test of so many updates. */
function pointsOf(losses: readonly number[]): RangePoint[] {
  const points: RangePoint[] = [];
  for (const [i, loss] of losses.entries()) {
    points.push(pointAfter(points, rateAt(i + 1, losses.length), loss));
  }
  return points;
}

Deno.test("rateAt() grows by the same factor from update to update", () => {
  assertAlmostEquals(rateAt(1, 61), 1e-6, 1e-15);
  assertAlmostEquals(rateAt(31, 61), 1e-3, 1e-12);
  assertAlmostEquals(rateAt(61, 61), 1, 1e-12);
  assertEquals(rateAt(1, 1), 1e-6);
});

Deno.test("pointAfter() smooths without a bias towards its start", () => {
  for (const { smoothed } of pointsOf([7, 7, 7])) assertAlmostEquals(smoothed, 7, 1e-12);
  assertAlmostEquals(pointsOf([1, 2]).at(-1)!.smoothed, (0.9 * 1 + 2) / 1.9, 1e-12);
});

Deno.test("hasDiverged() sees a loss far above its lowest", () => {
  assertEquals(hasDiverged(pointsOf([8, 4, 4, 5])), false);
  assertEquals(hasDiverged(pointsOf([4, 4, 40])), true);
});

Deno.test("describeRange() tells where the loss falls fastest and is lowest", () => {
  const losses = Array.from({ length: 61 }, (_, i) => i < 20 ? 9 : i < 41 ? 9 - (i - 20) / 4 : i);
  assertMatch(
    describeRange(pointsOf(losses)),
    /^The loss falls fastest at .* and is lowest at 1\.0e-2; a tenth of that is a peak to begin with: 1\.0e-3\.$/,
  );
  assertMatch(describeRange(pointsOf([9, 8])), /^Too few updates .* --max-steps\.$/);
});

Deno.test("rangeTable() has a row for every update", () => {
  assertEquals(
    rangeTable([{ learningRate: 1e-6, loss: 9, smoothed: 9 }]),
    "learning_rate\tloss\tsmoothed\n1.0000e-6\t9.0000\t9.0000\n",
  );
});

Deno.test(
  "train() with findLr prints the table and makes no run",
  withFolder(async (folder) => {
    let [stdout, stderr] = ["", ""];
    const io = {
      stdout: (text: string) => void (stdout += text),
      stderr: (text: string) => void (stderr += text),
      interactive: false,
    };
    const config = writeRun(folder);
    await train({ config, output: `${folder}/run`, findLr: true, maxSteps: 25 }, io);
    const rows = stdout.trimEnd().split("\n").slice(1).map((row) => row.split("\t").map(Number));
    assert(rows.length > 10 && rows.length <= 25, stdout);
    assertEquals(rows[0]![0], 1e-6);
    assertMatch(stderr, /The loss falls fastest at a learning rate of/);
    assertEquals([...Deno.readDirSync(folder)].some(({ name }) => name === "run"), false);
  }),
);
