/** `ardiff golden`: does this build compute what the reference computed? */
import { ExitCode, UserError } from "../errors.ts";
import { checkGolden } from "../golden/check.ts";
import { printable } from "../printable.ts";
import { type Finding, type GoldenOptions, passes } from "../golden/report.ts";

/** The streams of the process, or of a test. */
interface GoldenIo {
  stdout(text: string): void | Promise<void>;
}

/** What `--json` prints for one path. */
interface Report {
  readonly path: string;
  readonly passed: boolean;
  readonly findings: readonly (Finding & { readonly passed: boolean })[];
}

/**
 * Checks golden folders and schedule files and prints the largest error per file.
 *
 * @throws {UserError} with ExitCode.check where any value is past its tolerance
 */
export async function golden(
  paths: readonly string[],
  options: GoldenOptions & { readonly verbose: boolean; readonly json: boolean },
  io: GoldenIo,
): Promise<void> {
  const { json, verbose } = options;
  const reports: Report[] = [];
  for (const path of paths) {
    const findings = await checkGolden(path, options);
    reports.push({
      path,
      passed: findings.every(passes),
      findings: findings.map((finding) => ({ ...finding, passed: passes(finding) })),
    });
    if (!json) await io.stdout(`${path}\n${verbose ? details(findings) : summary(findings)}`);
  }
  if (json) await io.stdout(`${JSON.stringify(reports, null, 2)}\n`);
  const failed = reports.flatMap(({ findings }) => findings).filter(({ passed }) => !passed).length;
  if (failed > 0) {
    throw new UserError(
      ExitCode.check,
      `${failed} ${failed === 1 ? "value is" : "values are"} past tolerance: see ${
        json ? 'those with "passed": false' : "the lines marked FAIL"
      }`,
    );
  }
}

function line(finding: Finding, label: string): string {
  const { error, tolerance } = finding;
  const found = tolerance === 0
    ? (error === 0 ? "equal" : `${(100 * error).toFixed(2)} % differ`)
    : `error ${error.toExponential(1)}, allowed ${tolerance.toExponential(0)}`;
  return `  ${passes(finding) ? "ok  " : "FAIL"}  ${printable(label)}: ${found}\n`;
}

function details(findings: readonly Finding[]): string {
  return findings.map((finding) => line(finding, `${finding.file}, ${finding.what}`)).join("");
}

/** Per file: the comparison nearest to its tolerance, and exact ones; every failure by name. */
function summary(findings: readonly Finding[]): string {
  const files = Map.groupBy(findings, ({ file }) => file);
  let text = "";
  for (const [file, all] of files) {
    const failures = all.filter((finding) => !passes(finding));
    if (failures.length > 0) {
      text += details(failures);
      continue;
    }
    const measured = all.filter(({ tolerance }) => tolerance > 0);
    const exact = all.filter(({ tolerance }) => tolerance === 0);
    if (measured.length > 0) {
      const worst = measured.reduce((a, b) =>
        b.error / b.tolerance > a.error / a.tolerance ? b : a
      );
      text += line(worst, `${file}, largest: ${worst.what}`);
    }
    if (exact.length > 0) {
      text += line(exact[0]!, `${file}, ${exact.length} exact comparisons`);
    }
  }
  return text;
}
