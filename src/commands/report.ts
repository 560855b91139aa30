/** `ardiff report` and `ardiff compare`: tables, charts and pages of sweeps and of runs. */
import { REPORT_FILES, reportRuns, reportSweeps } from "../report/report.ts";

/** Options of both. */
interface ReportOptions {
  /** Folders of results, or of runs. */
  readonly folders: readonly string[];
  /** The folder of the report. */
  readonly output?: string;
}

/** The streams of the process, or of a test. */
interface ReportIo {
  stdout(text: string): void | Promise<void>;
}

/** Reports on sweeps and prints the path of the page. */
export async function report({ folders, output }: ReportOptions, io: ReportIo): Promise<void> {
  const path = output ?? `${folders[0]}/report`;
  await reportSweeps(folders, path);
  await io.stdout(`${path}/${REPORT_FILES.html}\n`);
}

/** Reports on runs and prints the path of the page. */
export async function compare({ folders, output }: ReportOptions, io: ReportIo): Promise<void> {
  const path = output ?? "runs/compare";
  await reportRuns(folders, path);
  await io.stdout(`${path}/${REPORT_FILES.html}\n`);
}
