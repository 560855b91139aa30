import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { parseDataSpec } from "../../src/text/data_spec.ts";

Deno.test("parseDataSpec() fills in what a table leaves out", () => {
  assertEquals(parseDataSpec({ format: "tsv", file: "a.tsv" }, "data.train"), {
    format: "tsv",
    file: "a.tsv",
    source: 1,
    target: 2,
    header: false,
    delimiter: "\t",
    groupSources: false,
  });
  assertEquals(parseDataSpec({ format: "csv", file: "a.csv", source: "mr", target: 3 }, "data"), {
    format: "csv",
    file: "a.csv",
    source: "mr",
    target: 3,
    header: true,
    delimiter: ",",
    groupSources: false,
  });
  assertEquals(parseDataSpec({ format: "jsonl", file: "a.jsonl", group_sources: true }, "data"), {
    format: "jsonl",
    file: "a.jsonl",
    source: "source",
    target: "target",
    groupSources: true,
  });
  const text = { format: "text", source_file: "a.src", target_file: "a.tgt" };
  assertEquals(parseDataSpec(text, "data"), {
    format: "text",
    sourceFile: "a.src",
    targetFile: "a.tgt",
    groupSources: false,
  });
});

Deno.test("parseDataSpec() says what is wrong and where", () => {
  const file = "a";
  const cases: readonly (readonly [table: unknown, message: string])[] = [
    ["train.tsv", 'Cannot read data from data.train = "train.tsv": expected a table'],
    [[], "expected a table"],
    [{}, 'Cannot find "format" in [data.train]: expected one of text, tsv, csv, jsonl'],
    [{ format: "xml" }, 'Cannot use format = "xml" in [data.train]: expected one of text, tsv'],
    [{ format: "tsv" }, 'Cannot find "file" in [data.train]'],
    [{ format: "text", source_file: "a" }, 'Cannot find "target_file"'],
    [{ format: "tsv", file: 3 }, "Cannot use file = 3"],
    [{ format: "jsonl", file: "" }, 'Cannot use file = ""'],
    [{ format: "jsonl", file, header: true }, 'Cannot use key "header" in [data.train]: format'],
    [{ format: "text", file }, 'Cannot use key "file"'],
    [{ format: "tsv", file, source: 0 }, "Cannot use source = 0"],
    [{ format: "tsv", file, source: 1.5 }, "Cannot use source = 1.5"],
    [{ format: "tsv", file, target: [] }, "Cannot use target = []"],
    [{ format: "jsonl", file, source: 1 }, "Cannot use source = 1"],
    [{ format: "csv", file, header: "yes" }, 'Cannot use header = "yes"'],
    [{ format: "csv", file, source: "mr", header: false }, "expected true, since columns go by"],
    [{ format: "csv", file, delimiter: ";;" }, 'Cannot use delimiter = ";;"'],
    [{ format: "csv", file, delimiter: '"' }, "expected one character"],
    [{ format: "csv", file, group_sources: 1 }, "Cannot use group_sources = 1"],
  ];
  for (const [table, message] of cases) {
    assertThrows(() => parseDataSpec(table, "data.train"), UserError, message);
  }
});
