import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { statIfPresent } from "../../src/host/files.ts";
import { type CellRecord, readCells } from "../../src/sweep/records.ts";
import { runSweep, type SweepOptions } from "../../src/sweep/sweep.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { sharedModel } from "../cli/fake_process.ts";
import { writeRun } from "../training/sample_run.ts";

const AXES = `
[axes]
"training.seed" = [1, 2]
"generate.steps" = [1, 2]
`;

/** Writes a plan of a tiny training. */
function writePlan(folder: string, rest = AXES): string {
  const path = `${folder}/plan.toml`;
  Deno.writeTextFileSync(
    path,
    `config = "${writeRun(folder)}"
lines = 5
metrics = ["bleu", "distinct"]
budget = { updates = 12 }
set = { "log.every" = 4, "validation.every" = 6 }
${rest}`,
  );
  return path;
}

async function sweep(folder: string, options: Partial<SweepOptions> = {}) {
  let told = "";
  const output = `${folder}/results`;
  await runSweep({
    plan: `${folder}/plan.toml`,
    output,
    trainings: `${folder}/trainings`,
    ...options,
  }, { stderr: (text) => void (told += text), interactive: false });
  return { told, cells: readCells(output) };
}

const trainings = (folder: string) =>
  [...Deno.readDirSync(`${folder}/trainings`)].map(({ name }) => name)
    .filter((name) => !name.startsWith("."));

/** What of a cell must be the same whenever it is measured. */
const lasting = ({ axes, cell, scores, calls, training }: CellRecord) => ({
  axes,
  cell,
  scores,
  calls,
  loss: training?.curve.map(({ loss }) => loss),
});

Deno.test(
  "runSweep() trains each configuration once and measures every cell",
  withFolder(async (folder) => {
    writePlan(folder);
    const { told, cells } = await sweep(folder);
    assertStringIncludes(told, "4 cells to measure, 2 configurations to train.");
    assertEquals(cells.map(({ axes }) => Object.values(axes)), [[1, 1], [1, 2], [2, 1], [2, 2]]);
    assertEquals(trainings(folder).length, 2);
    const { training, calls, segments, scores, generation, command, settled } = cells[1]!;
    assertEquals(training!.updates, 12);
    assertEquals(training!.curve.map(({ step }) => step), [6, 12]);
    assert(training!.curve[0]!.seconds < training!.curve[1]!.seconds);
    assertEquals([calls.mean, segments, generation["steps"]], [2, 5, 2]);
    assertEquals(scores[0]!.name, "BLEU");
    assertEquals(settled!.at(-1), 1);
    assertStringIncludes(command, `--cell ${cells[1]!.cell}`);
    const outputs = Deno.readTextFileSync(`${folder}/results/${cells[1]!.outputs}`);
    assertEquals(outputs.trimEnd().split("\n").length, 5);
  }),
);

Deno.test(
  "runSweep() does what is left, also after a line that was cut",
  withFolder(async (folder) => {
    writePlan(folder);
    const whole = await sweep(folder);
    const path = `${folder}/results/results.jsonl`;
    const text = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(path, text.slice(0, text.lastIndexOf("\n", text.length - 2) + 40));
    const { told, cells } = await sweep(folder);
    assertStringIncludes(told, "1 cell to measure, 1 configuration to train; 3 cells are done.");
    assertEquals(cells.map(lasting), whole.cells.map(lasting));
    const again = await sweep(folder);
    assertStringIncludes(again.told, "0 cells to measure");
  }),
);

/** Starts a sweep in a process of its own, and kills it once something is so. */
async function killedSweep(folder: string, isTime: () => boolean): Promise<void> {
  const main = decodeURIComponent(new URL("../../main.ts", import.meta.url).pathname);
  const options = ["--output", `${folder}/results`, "--trainings", `${folder}/trainings`];
  const permissions = ["read", "write", "env", "ffi"].map((name) => `--allow-${name}`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--frozen", ...permissions, main, "sweep", `${folder}/plan.toml`, ...options],
    stdout: "null",
    stderr: "null",
  }).spawn();
  while (!isTime()) await new Promise((resolve) => setTimeout(resolve, 2));
  child.kill("SIGKILL");
  assertEquals((await child.status).signal, "SIGKILL", "it ended before it was killed");
}

Deno.test(
  "a sweep that is killed in the middle of a cell loses no other",
  withFolder(async (folder) => {
    writePlan(folder, AXES.replace("[1, 2]", "[1, 2, 3]"));
    const lines = () => {
      const path = `${folder}/results/results.jsonl`;
      if (statIfPresent(path) === null) return 0;
      return Deno.readTextFileSync(path).split("\n").length - 1;
    };
    const logs = () => {
      if (statIfPresent(`${folder}/trainings`) === null) return 0;
      return trainings(folder)
        .filter((name) => statIfPresent(`${folder}/trainings/${name}/log.jsonl`) !== null).length;
    };
    await killedSweep(folder, () => logs() === 1); // in the first training
    assertEquals(lines(), 0);
    await killedSweep(folder, () => lines() === 1); // between two cells, or in the second
    const kept = lines();
    assert(kept === 1 || kept === 2, `${kept} cells`);
    await killedSweep(folder, () => logs() === 2 && lines() >= 2); // in the second training
    const done = readCells(`${folder}/results`).length;
    const { told, cells } = await sweep(folder);
    assertStringIncludes(told, `${6 - done} cells to measure`);
    assertStringIncludes(told, `${done} cells are done`);
    assertEquals(lines(), 6);
    await sweep(folder, { output: `${folder}/whole`, trainings: `${folder}/others` });
    assertEquals(cells.map(lasting), readCells(`${folder}/whole`).map(lasting));
  }),
);

Deno.test(
  "runSweep() gives the same in shards, in jobs and for a cell that is named",
  withFolder(async (folder) => {
    writePlan(folder);
    const whole = await sweep(folder);
    const byName = (cells: readonly CellRecord[]) =>
      cells.map(lasting).toSorted((a, b) => a.cell < b.cell ? -1 : 1);
    const parted = { output: `${folder}/shards`, trainings: `${folder}/others` };
    await sweep(folder, { ...parted, shard: { index: 2, count: 2 } });
    assertEquals(readCells(parted.output).map(({ axes }) => axes["training.seed"]), [2, 2]);
    await sweep(folder, { ...parted, shard: { index: 1, count: 2 } });
    assertEquals(byName(readCells(parted.output)), byName(whole.cells));
    const jobs = { output: `${folder}/jobs`, trainings: `${folder}/third`, jobs: 2 };
    await sweep(folder, jobs);
    assertEquals(byName(readCells(jobs.output)), byName(whole.cells));
    assertEquals(readCells(jobs.output)[0]!.processorSeconds, null);
    const one = { output: `${folder}/one`, cells: [whole.cells[2]!.cell] };
    await sweep(folder, one);
    assertEquals(readCells(one.output).map(lasting), [lasting(whole.cells[2]!)]);
  }),
);

Deno.test(
  "runSweep() goes on after a training that fails, and tries it again",
  withFolder(async (folder) => {
    writePlan(
      folder,
      `[axes]\n"training.learning_rate" = [{ name = "mad", "validation.steps" = 100000 }, 1e-3]`,
    );
    const error = await assertRejects(() => sweep(folder), UserError);
    assertStringIncludes(error.message, "Cannot finish 1 of the cells or trainings");
    assertEquals(readCells(`${folder}/results`).map(({ axes }) => Object.values(axes)), [[1e-3]]);
  }),
);

Deno.test(
  "runSweep() takes models that are there, and tells of their candidates",
  withFolder(async (folder) => {
    writePlan(
      folder,
      `[axes]\nmodel = ["${sharedModel()}"]\n"generate.candidates" = [1, 3]\n"generate.steps" = [2]`,
    );
    Deno.writeTextFileSync(
      `${folder}/plan.toml`,
      Deno.readTextFileSync(`${folder}/plan.toml`).replace(/^set.*$/m, ""),
    );
    const { cells } = await sweep(folder);
    assertEquals(cells.map(({ training }) => training), [null, null]);
    assertEquals(cells[0]!.candidates, undefined);
    assert(cells[1]!.candidates!.distinct >= 1 && cells[1]!.candidates!.distinct <= 3);
    assert(cells[1]!.candidates!.oracleBleu >= cells[1]!.scores[0]!.score - 20);
  }),
);

Deno.test(
  "runSweep() asks a model that is there for the lines of several data sets",
  withFolder(async (folder) => {
    writePlan(
      folder,
      `[axes]\nmodel = ["${sharedModel()}"]
data = [
  { name = "development", "data.dev.file" = "${folder}/dev.tsv" },
  { name = "other", "data.dev.file" = "${folder}/other.tsv" },
]
"generate.steps" = [2]`,
    );
    Deno.writeTextFileSync(`${folder}/other.tsv`, "a man walks\tun homme marche\n".repeat(5));
    const path = `${folder}/plan.toml`;
    Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace(/^set.*$/m, ""));
    const { cells } = await sweep(folder);
    assertEquals(cells.map(({ axes }) => axes["data"]), ["development", "other"]);
    const [development, other] = cells.map(({ cell }) =>
      Deno.readTextFileSync(`${folder}/results/outputs/${cell}.jsonl`)
    );
    assert(development !== other);
  }),
);

Deno.test(
  "runSweep() says where there is too little to compare, and finds configurations as it is told",
  withFolder(async (folder) => {
    writePlan(folder, `[axes]\nmodel = ["${sharedModel()}"]`);
    const path = `${folder}/plan.toml`;
    const plan = Deno.readTextFileSync(path).replace(/^set.*$/m, "").replace(
      "lines = 5",
      "lines = 1",
    )
      .replace('"distinct"', '"self-bleu"');
    const config = /config = "(.*)"/.exec(plan)![1]!;
    Deno.writeTextFileSync(path, plan.replace(config, "of the program"));
    const findConfiguration = (name: string) => name === "of the program" ? config : name;
    const error = await assertRejects(() => sweep(folder, { findConfiguration }), UserError);
    assertStringIncludes(error.message, "Cannot compute self-bleu of 1 output");
  }),
);

Deno.test(
  "runSweep() refuses what it cannot keep to",
  withFolder(async (folder) => {
    writePlan(folder, AXES);
    const plan = Deno.readTextFileSync(`${folder}/plan.toml`);
    Deno.writeTextFileSync(
      `${folder}/plan.toml`,
      plan.replace("updates = 12", "processor_minutes = 1"),
    );
    await assertRejects(() => sweep(folder, { jobs: 2 }), UserError, "share one process");
    await assertRejects(
      () => sweep(folder, { cells: ["abc"] }),
      UserError,
      'Cannot find cell "abc"',
    );
    const missing = plan.replace("[axes]", '[axes]\n"tokenizer.file" = ["missing.json"]');
    Deno.writeTextFileSync(`${folder}/plan.toml`, missing);
    await assertRejects(() => sweep(folder), UserError, 'Cannot read "missing.json": no such file');
  }),
);

Deno.test(
  "runSweep() ends trainings by processor time",
  withFolder(async (folder) => {
    writePlan(folder, `[axes]\n"training.seed" = [1]`);
    const plan = Deno.readTextFileSync(`${folder}/plan.toml`);
    Deno.writeTextFileSync(
      `${folder}/plan.toml`,
      plan.replace("updates = 12", "processor_minutes = 1e-6, updates = 50"),
    );
    const { cells } = await sweep(folder);
    const { updates, command } = cells[0]!.training!;
    assert(updates < 50, `${updates} updates`);
    assertStringIncludes(command, `--max-steps ${updates}`);
  }),
);
