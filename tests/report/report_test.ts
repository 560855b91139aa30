import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { paretoFront } from "../../src/report/charts.ts";
import { darkRules } from "../../src/report/palette.ts";
import { PNG_FILES, pngOf } from "../../src/report/png.ts";
import { reportRuns, reportSweeps } from "../../src/report/report.ts";
import { settingsOf } from "../../src/report/summary.ts";
import { asCsv, asHtml, asMarkdown } from "../../src/report/tables.ts";
import { withFolder } from "../denoiser/test_files.ts";
import { runTraining, writeRun } from "../training/sample_run.ts";
import { sampleCell, writeSweep } from "./sample_cells.ts";

const CELLS = [1, 2].flatMap((seed) => [
  sampleCell({ process: "a <b>", "generate.steps": 5, "training.seed": seed }, 0.2),
  sampleCell({ process: "c", "generate.steps": 5, "training.seed": seed }, 0.5 + 0.1 * seed),
  sampleCell({ process: "c", "generate.steps": 20, "training.seed": seed }, 0.9),
]);

Deno.test("settingsOf() takes means over seeds, with intervals and differences", () => {
  const settings = settingsOf(CELLS);
  assertEquals(settings.map(({ label }) => label), ["a <b>, steps 5", "c, steps 5", "c, steps 20"]);
  assertEquals(settings.map(({ series }) => series), ["a <b>", "c", "c"]);
  const [base, better, far] = settings;
  assertAlmostEquals(better!.scores.get("BLEU")!, 65, 1e-9);
  assertEquals(base!.cells.length, 2);
  assert(better!.interval!.low < better!.interval!.high);
  assertEquals(base!.difference, undefined);
  // Nothing else has 20 steps, so there is nothing to compare with.
  assertEquals(far!.difference, undefined);
  const { to, mean, low, high } = better!.difference!;
  assertEquals(to, "a <b>, steps 5");
  assertAlmostEquals(mean, 45, 1e-9);
  assert(0 < low && low < high);
});

Deno.test("settingsOf() finds no difference where outputs are the same", () => {
  const cells = ["a", "b"].map((name) => sampleCell({ name, "generate.seed": 1 }, 0.5));
  const { mean, low, high } = settingsOf(cells)[1]!.difference!;
  assertEquals([mean, low, high], [0, 0, 0]);
});

Deno.test("settingsOf() compares settings of a grid with none of another that has other axes", () => {
  const [, first, second] = settingsOf([
    sampleCell({ way: "even", model: "a", "generate.steps": 5 }, 0.2),
    sampleCell({ model: "b", "generate.steps": 5 }, 0.4),
    sampleCell({ model: "c", "generate.steps": 5 }, 0.6),
  ]);
  assertEquals(first!.difference, undefined);
  assertEquals(second!.difference?.to, "b");
});

Deno.test("settingsOf() tells no Self-BLEU of outputs beside that of candidates", () => {
  const candidates = { distinct: 3, oracleBleu: 50 };
  const [one, five] = [
    sampleCell({ "generate.candidates": 1 }, 0.2),
    sampleCell({ "generate.candidates": 5 }, 0.4, { candidates }),
  ];
  const scoresOf = (...cells: (typeof one)[]) =>
    settingsOf(cells).map(({ scores }) => scores.get("Self-BLEU"));
  assertEquals(scoresOf(one, five), [undefined, 70]);
  assertEquals(scoresOf(one), [80]);
  // Without steps to run along, a series runs along candidates.
  assertEquals(settingsOf([one, five]).map(({ series }) => series), ["all cells", "all cells"]);
});

Deno.test("paretoFront() keeps what nothing else beats", () => {
  const points = [[1, 1], [2, 3], [3, 2], [2, 2], [4, 4]].map(([x, y]) => ({ x: x!, y: y! }));
  assertEquals([...paretoFront(points)].map(({ x, y }) => [x, y]), [[1, 1], [2, 3], [4, 4]]);
  assertEquals([...paretoFront(points, true)].map(({ x, y }) => [x, y]), [[1, 1]]);
});

Deno.test("tables escape what their formats take for something else", () => {
  const table = [["a|b", 'say "x", <i>']];
  assertEquals(asMarkdown(table), '| a\\|b | say "x", <i> |\n|---|---|\n');
  assertEquals(asCsv(table), 'a|b,"say ""x"", <i>"\n');
  assertStringIncludes(asHtml(table), "<th>say &quot;x&quot;, &lt;i></th>");
});

Deno.test(
  "reportSweeps() writes a page, tables and charts for light and dark grounds",
  withFolder(async (folder) => {
    writeSweep(`${folder}/first`, CELLS.slice(0, 4));
    writeSweep(`${folder}/second`, CELLS.slice(3));
    await reportSweeps([`${folder}/first`, `${folder}/second`], { output: `${folder}/report` });
    const read = (name: string) => Deno.readTextFileSync(`${folder}/report/${name}`);
    const html = read("index.html");
    const charts = ["quality-calls", "quality-processor", "settings", "diversity", "settled"];
    for (const name of charts) {
      const svg = read(`${name}.svg`);
      assert(svg.startsWith("<svg "), name);
      assertStringIncludes(svg, darkRules());
      assertStringIncludes(html, svg.trimEnd());
      assertStringIncludes(read("report.md"), `](${name}.svg)`);
    }
    // One file: it names no other and no address but those of the namespaces.
    assert(!/(src|href)=/.test(html.replaceAll("xlink:href", "")));
    assert(!html.includes("<b>"));
    assertStringIncludes(read("report.md"), "| c | 20 | 2 | 90.00 |");
    assertEquals(read("cells.csv").trimEnd().split("\n").length, 7);
  }),
);

Deno.test(
  "reportRuns() draws how runs learned",
  withFolder(async (folder) => {
    const config = writeRun(folder);
    const set = ["validation.every=20"];
    await runTraining(config, { output: `${folder}/a`, maxSteps: 40, set });
    const { charts } = await reportRuns([`${folder}/a`], { output: `${folder}/report` });
    assertEquals(charts.map(({ name }) => name), [
      "learning-bleu",
      "learning-loss",
      "loss-by-timestep",
    ]);
    assertStringIncludes(Deno.readTextFileSync(`${folder}/report/report.md`), "| 40 |");
  }),
);

Deno.test("reports refuse folders without results", async () => {
  await assertRejects(
    () => reportSweeps(["nowhere"], { output: "x" }),
    UserError,
    'report on "nowhere"',
  );
  await assertRejects(
    () => reportRuns(["nowhere"], { output: "x" }),
    UserError,
    'compare "nowhere"',
  );
});

Deno.test(
  "reportSweeps() draws charts as PNG where asked to, with their texts",
  withFolder(async (folder) => {
    writeSweep(`${folder}/results`, CELLS);
    const { charts } = await reportSweeps([`${folder}/results`], { output: folder, png: true });
    const { svg } = charts[0]!;
    const bytes = Deno.readFileSync(`${folder}/${charts[0]!.name}.png`);
    assertEquals([...bytes.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
    // Width and height in the header: twice those of the chart.
    const view = new DataView(bytes.buffer);
    const [, width, height] = /^<svg [^>]*width="(\d+)" height="(\d+)"/.exec(svg)!;
    assertEquals([view.getUint32(16), view.getUint32(20)], [2 * Number(width), 2 * Number(height)]);
    // It would be the same without texts if no font were found.
    const without = await pngOf(svg.replace(/<text[^>]*>[^<]*<\/text>/g, ""));
    assert(bytes.length > 1.5 * without.length, `${bytes.length} and ${without.length} bytes`);
  }),
);

Deno.test("what PNG takes besides code is where npm puts it", () => {
  for (const place of Object.values(PNG_FILES)) {
    assert(Deno.statSync(new URL(import.meta.resolve(place))).isFile, place);
  }
});
