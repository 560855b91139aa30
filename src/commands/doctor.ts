/** `ardiff doctor`: what generation needs, what is here, and how to get what is missing. */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { libraryOrigin } from "../native/library.ts";
import { describeLibrary, type LibraryDescription } from "../native/library_info.ts";
import type { Place } from "../native/locate.ts";
import { printableLines } from "../printable.ts";

/** The streams of the process, or of a test. */
interface DoctorIo {
  stdout(text: string): void | Promise<void>;
}

/** A place where the shim or libtorch was looked for. */
interface TriedPlace extends Place {
  readonly file: "shim" | "libtorch";
}

interface Report {
  readonly ardiff: string;
  readonly deno: string;
  readonly platform: string;
  readonly shim: string | null;
  readonly shim_by: string | null;
  readonly libtorch_folder: string | null;
  readonly libtorch_by: string | null;
  readonly tried: readonly TriedPlace[];
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
  await io.stdout(
    options.json ? `${JSON.stringify(report, null, 2)}\n` : printableLines(format(report)),
  );
  if (report.problem !== null) throw new UserError(ExitCode.native, report.problem);
}

function examine(version: string): Report {
  const { shim, libtorch } = libraryOrigin();
  const places = {
    ardiff: version,
    deno: Deno.version.deno,
    platform: `${Deno.build.os} ${Deno.build.arch}`,
    shim: shim.path ?? null,
    shim_by: shim.by ?? null,
    libtorch_folder: libtorch?.path ?? null,
    libtorch_by: libtorch?.by ?? null,
    tried: [
      ...shim.tried.map((place) => ({ file: "shim" as const, ...place })),
      ...(libtorch?.tried ?? []).map((place) => ({ file: "libtorch" as const, ...place })),
    ],
  };
  try {
    return { ...places, library: describeLibrary(), problem: null };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...places, library: null, problem: messageOf(error) };
  }
}

function format(report: Report): string {
  const rows: [string, string][] = [
    ["ardiff", report.ardiff],
    ["Deno", report.deno],
    ["platform", report.platform],
    ["native library", found(report.shim, report.shim_by)],
    ...missedPlaces(report, "shim"),
  ];
  const { library } = report;
  const libtorch = library !== null && report.libtorch_folder === null
    ? "where the native library was built"
    : found(report.libtorch_folder, report.libtorch_by);
  rows.push(
    ["libtorch", library === null ? libtorch : `${library.libtorch}, ${libtorch}`],
    ...missedPlaces(report, "libtorch"),
  );
  if (library !== null) {
    rows.push(
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
      rows.push(["step graphs", stepGraphs(library.step_graphs.by)]);
    }
  }
  rows.push(["generation", report.problem === null ? "would work" : "would not work"]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

/** Whether steps of generation are to run as graphs of the device (native/src/torch/step_graph.h). */
function stepGraphs(by: string | null): string {
  if (by === null) return "none (this libtorch records none)";
  return Deno.env.get("ARDIFF_STEP_GRAPH") === "1"
    ? `on (ARDIFF_STEP_GRAPH; by ${by}, untried)`
    : "off (ARDIFF_STEP_GRAPH=1 turns them on; untried)";
}

function found(path: string | null, by: string | null): string {
  return path === null ? "not found" : `${path} (${by})`;
}

/** The places that gave nothing. */
function missedPlaces({ tried, shim, libtorch_folder }: Report, file: TriedPlace["file"]) {
  const places = tried.filter((place) => place.file === file);
  if ((file === "shim" ? shim : libtorch_folder) !== null) places.pop();
  return places.map(({ by, path, flaw }): [string, string] => [
    "",
    path === null
      ? `none (${by})`
      : `not at ${path} (${by}${flaw === undefined ? "" : `: ${flaw}`})`,
  ]);
}
