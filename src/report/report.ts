/** Makes reports: of sweeps by their results, and of runs by their logs. */
import { loadModelFolder } from "../denoiser/model_folder.ts";
import { parameterCounts } from "../denoiser/parameters.ts";
import { ExitCode, UserError } from "../errors.ts";
import { statIfPresent, unwritable, writeAll, writeFileAtomically } from "../host/files.ts";
import { readLearning } from "../sweep/learning.ts";
import { parsePlan } from "../sweep/plan.ts";
import {
  type CellRecord,
  type Machine,
  type OutputRecord,
  readCells,
  readRecords,
  SWEEP_FILES,
  type TestRecord,
} from "../sweep/records.ts";
import { chartsOf } from "./charts.ts";
import { growthOf, growthTable } from "./growth.ts";
import { type Learned, learnedOf, trainingsOf } from "./learned.ts";
import { htmlPage, markdownPage, type Report } from "./pages.ts";
import { type ReportCell, settingsOf } from "./summary.ts";
import { asCsv, cellsTable, settingsTable, type Table, trainingsTable } from "./tables.ts";

/** The files of a report. */
export const REPORT_FILES = {
  html: "index.html",
  markdown: "report.md",
  csv: "cells.csv",
} as const;

/** Where a report goes, and in which forms. */
interface ReportOptions {
  /** The folder that receives it. */
  readonly output: string;
  /** Whether charts are also written as PNG. Default false. */
  readonly png?: boolean;
  /** What of the command line says so, for the page. Default: nothing. */
  readonly flags?: string;
}

/**
 * Reports on the results of one or more sweeps, or shards of one.
 *
 * @param folders of results
 * @throws {UserError} where there are no results, or the report cannot be written
 */
export async function reportSweeps(
  folders: readonly string[],
  options: ReportOptions,
): Promise<Report> {
  const cells = new Map<string, ReportCell>();
  for (const folder of folders) {
    if (!statIfPresent(folder)?.isDirectory) throw nothingIn(folder);
    for (const cell of readCells(folder)) cells.set(cell.cell, withLines(cell, folder));
  }
  if (cells.size === 0) throw nothingIn(folders[0]!);
  const all = [...cells.values()];
  const settings = settingsOf(all);
  const learned = trainingsOf(settings);
  const growths = growthOf(settings);
  const plans = [...new Set(all.map(({ plan }) => plan))];
  const report: Report = {
    title: plans.join(", "),
    about: folders.flatMap(aboutOf),
    commands: [
      ...new Set(all.map(({ command }) => command.replace(/ --cell .*$/, ""))),
      `ardiff report ${folders.join(" ")}${options.flags ?? ""}`,
    ],
    charts: await chartsOf(settings, learned, growths),
    tables: [
      { title: "Settings", table: settingsTable(settings) },
      ...growths.length > 0 ? [{ title: "Cost", table: growthTable(growths) }] : [],
      ...learned.length > 0 ? [{ title: "Trainings", table: trainingsTable(learned) }] : [],
    ],
    notes: [
      "Scores are means over seeds. Intervals are of 500 resamples of seeds and segments, for the first " +
      'metric; "against the first" is the difference to the first setting that differs on the first axis ' +
      "alone, on the same resamples.",
      machinesOf(all),
    ],
  };
  await writeReport(options, report, cellsTable(all));
  return report;
}

/** Reports on how runs of `ardiff train` learned. */
export async function reportRuns(
  folders: readonly string[],
  options: ReportOptions,
): Promise<Report> {
  const learned = folders.map(learnedIn);
  const report: Report = {
    title: "Runs",
    about: [],
    commands: [`ardiff compare ${folders.join(" ")}${options.flags ?? ""}`],
    charts: await chartsOf([], learned, []),
    tables: [{ title: "Trainings", table: trainingsTable(learned) }],
    notes: ["Minutes are of training, by the clock, validations not counted."],
  };
  await writeReport(options, report, trainingsTable(learned));
  return report;
}

function nothingIn(folder: string): UserError {
  return new UserError(
    ExitCode.data,
    `Cannot report on "${folder}": expected the folder of a sweep's results, as ardiff sweep writes it`,
  );
}

function withLines(cell: CellRecord, folder: string): ReportCell {
  return {
    ...cell,
    lines: readRecords<OutputRecord>(`${folder}/${cell.outputs}`),
    references: readRecords<TestRecord>(`${folder}/${cell.testSet}`),
  };
}

/** What the plan of a folder is to find out. */
function aboutOf(folder: string): string[] {
  const path = `${folder}/${SWEEP_FILES.plan}`;
  if (statIfPresent(path) === null) return [];
  const { about } = parsePlan(Deno.readTextFileSync(path), path);
  return about === "" ? [] : [about];
}

function machinesOf(cells: readonly CellRecord[]): string {
  const describe = ({ hardwareThreads, instructionSet, system, deno }: Machine) =>
    `${hardwareThreads} hardware threads, ${instructionSet}, ${system}, Deno ${deno}`;
  const machines = [...new Set(cells.map(({ machine }) => describe(machine)))];
  const versions = [
    ...new Set(
      cells.map(({ version, commit }) =>
        `ardiff ${version}${commit === null ? "" : ` at ${commit.slice(0, 12)}`}`
      ),
    ),
  ];
  return `Measured on ${machines.join("; ")}, with ${versions.join(", ")}.`;
}

function learnedIn(folder: string): Learned {
  const log = `${folder}/log.jsonl`;
  if (statIfPresent(log) === null) {
    throw new UserError(
      ExitCode.data,
      `Cannot compare "${folder}": expected the folder of a run, in which there is a log.jsonl`,
    );
  }
  const model = `${folder}/model`;
  const parameters = statIfPresent(model) === null
    ? null
    : parameterCounts(loadModelFolder(model).config.network).total;
  return learnedOf(folder, folder, { ...readLearning(log), processorSeconds: null, parameters });
}

async function writeReport(
  { output, png = false }: ReportOptions,
  report: Report,
  cells: Table,
): Promise<void> {
  try {
    Deno.mkdirSync(output, { recursive: true });
  } catch (error) {
    throw unwritable(output, error);
  }
  const write = (name: string, bytes: Uint8Array) =>
    writeFileAtomically(`${output}/${name}`, (file) => writeAll(file, bytes));
  const texts = {
    [REPORT_FILES.html]: htmlPage(report),
    [REPORT_FILES.markdown]: markdownPage(report),
    [REPORT_FILES.csv]: asCsv(cells),
    ...Object.fromEntries(report.charts.map(({ name, svg }) => [`${name}.svg`, svg])),
  };
  for (const [name, text] of Object.entries(texts)) write(name, new TextEncoder().encode(text));
  if (!png) return;
  // Loaded only now: reports without PNG need not pay for it.
  const { pngOf } = await import("./png.ts");
  for (const { name, svg } of report.charts) write(`${name}.png`, await pngOf(svg));
}
