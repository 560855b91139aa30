/** `ardiff doctor`: what generation needs, what is here, and how to get what is missing. */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { library, libraryOrigin } from "../native/library.ts";
import { describeLibrary, type LibraryDescription } from "../native/library_info.ts";

/** The streams of the process, or of a test. */
export interface DoctorIo {
  stdout(text: string): void | Promise<void>;
}

interface Report {
  readonly ardiff: string;
  readonly deno: string;
  readonly platform: string;
  readonly shim: string | null;
  readonly libtorch_folder: string | null;
  readonly tried: readonly string[];
  readonly library: LibraryDescription | null;
  readonly problem: string | null;
}

/**
 * Prints the state of the installation.
 *
 * @throws {UserError} with ExitCode.native where generation would not work
 */
export async function doctor(
  options: { readonly version: string; readonly json: boolean },
  io: DoctorIo,
): Promise<void> {
  const report = examine(options.version);
  await io.stdout(options.json ? `${JSON.stringify(report, null, 2)}\n` : format(report));
  if (report.problem !== null) throw new UserError(ExitCode.native, report.problem);
}

function examine(version: string): Report {
  const base = {
    ardiff: version,
    deno: Deno.version.deno,
    platform: `${Deno.build.os} ${Deno.build.arch}`,
  };
  try {
    library();
    const origin = libraryOrigin();
    return {
      ...base,
      shim: origin.shim,
      libtorch_folder: origin.libtorch ?? null,
      tried: origin.tried,
      library: describeLibrary(),
      problem: null,
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return {
      ...base,
      shim: null,
      libtorch_folder: null,
      tried: [],
      library: null,
      problem: messageOf(error),
    };
  }
}

function format(report: Report): string {
  const rows: [string, string][] = [
    ["ardiff", report.ardiff],
    ["Deno", report.deno],
    ["platform", report.platform],
    ["native library", report.shim ?? "missing"],
  ];
  const { library } = report;
  if (library !== null) {
    rows.push(
      ["libtorch", `${library.libtorch}, ${report.libtorch_folder ?? "where the shim was built"}`],
      ["CPU kernels", `${library.instruction_set}, ${library.vector_width} floats a vector`],
      ["threads", String(library.threads)],
      [
        "CUDA devices",
        library.cuda_devices.map(({ index, name, memory }) =>
          `${index}: ${name ?? "unnamed"}${
            memory === undefined ? "" : `, ${(memory / 2 ** 30).toFixed(0)} GiB`
          }`
        ).join("; ") || "none (generation runs on the CPU)",
      ],
    );
    if (library.cuda_devices.length > 0) {
      rows.push([
        "CUDA kernels",
        library.cuda_kernels ? "built in" : "not built: libtorch's are used",
      ]);
    }
  }
  rows.push(["generation", report.problem === null ? "would work" : "would not work"]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}
