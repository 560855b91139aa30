/** `ardiff report` and `ardiff compare`: tables, charts and pages of sweeps and of runs. */
import { REPORT_FILES, reportRuns, reportSweeps } from "../report/report.ts";

/** Options of both. */
interface ReportOptions {
  /** Folders of results, or of runs. */
  readonly folders: readonly string[];
  /** The folder of the report. */
  readonly output?: string;
  /** Whether charts are also written as PNG. */
  readonly png?: boolean;
}

/** The streams of the process, or of a test. */
interface ReportIo {
  stdout(text: string): void | Promise<void>;
}

/** Reports on sweeps and prints the path of the page. */
export async function report(options: ReportOptions, io: ReportIo): Promise<void> {
  const path = options.output ?? `${options.folders[0]}/report`;
  await reportSweeps(options.folders, { ...options, output: path, flags: flagsOf(options) });
  await io.stdout(`${path}/${REPORT_FILES.html}\n`);
}

/** Reports on runs and prints the path of the page. */
export async function compare(options: ReportOptions, io: ReportIo): Promise<void> {
  const path = options.output ?? "runs/compare";
  await reportRuns(options.folders, { ...options, output: path, flags: flagsOf(options) });
  await io.stdout(`${path}/${REPORT_FILES.html}\n`);
}

/** The options as a command line has them. */
function flagsOf({ output, png }: ReportOptions): string {
  return `${output === undefined ? "" : ` --output ${output}`}${png ? " --png" : ""}`;
}
