/** Cells of a sweep that never was, with outputs that are right as often as is asked for. */
import { type CellRecord, SWEEP_FILES, writeRecords } from "../../src/sweep/records.ts";
import type { ReportCell } from "../../src/report/summary.ts";

const REFERENCES = Array.from({ length: 40 }, (_, i) => ({
  source: `line ${i}`,
  references: [`the ${i} dogs see a tall tree number ${i}`],
}));

/** A cell of which a share of the lines is right. */
export function sampleCell(
  axes: CellRecord["axes"],
  right: number,
  changes: Partial<CellRecord> = {},
): ReportCell {
  const cell = Object.values(axes).join("-").replaceAll(" ", "-");
  return {
    format: "ardiff-cell-1",
    cell,
    plan: "sample",
    axes,
    model: "runs/model",
    training: null,
    generation: {},
    testSet: "test-sets/a.jsonl",
    outputs: `outputs/${cell}.jsonl`,
    command: `ardiff sweep plans/sample.toml --cell ${cell}`,
    version: "0",
    commit: null,
    machine: { hardwareThreads: 2, instructionSet: "avx2", system: "linux", deno: "2" },
    date: "2026-01-01T00:00:00.000Z",
    segments: REFERENCES.length,
    scores: [
      { metric: "bleu", name: "BLEU", score: 100 * right, signature: "" },
      { metric: "self-bleu", name: "Self-BLEU", score: 90 - 50 * right, signature: "" },
    ],
    calls: { mean: Number(axes["generate.steps"] ?? 5), p95: 5, max: 5 },
    seconds: 4,
    processorSeconds: 2 + Number(axes["generate.steps"] ?? 0),
    residentBytes: 1,
    settled: [0, 0.5, 1],
    lines: REFERENCES.map(({ references }, i) => ({
      text: (i * 7) % 40 < 40 * right ? references[0]! : `a wrong text ${i}`,
      calls: 5,
    })),
    references: REFERENCES,
    ...changes,
  };
}

/** Writes the folder of a sweep. */
export function writeSweep(folder: string, cells: readonly ReportCell[]): void {
  for (const name of [SWEEP_FILES.outputs, SWEEP_FILES.testSets]) {
    Deno.mkdirSync(`${folder}/${name}`, { recursive: true });
  }
  for (const { lines, outputs } of cells) writeRecords(`${folder}/${outputs}`, lines);
  writeRecords(`${folder}/test-sets/a.jsonl`, REFERENCES);
  const records = cells.map(({ lines: _, references: __, ...record }) => record);
  writeRecords(`${folder}/results.jsonl`, records);
}
