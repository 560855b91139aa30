import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { parsePlan } from "../../src/sweep/plan.ts";

const read = (toml: string) => parsePlan(`config = "base.toml"\n${toml}`, "plans/some.toml");

function assertRefused(toml: string, message: string) {
  const error = assertThrows(() => read(toml), UserError);
  assertStringIncludes(error.message, 'Cannot read plan "plans/some.toml": ');
  assertStringIncludes(error.message, message);
}

Deno.test("parsePlan() makes every combination, the last axis running fastest", () => {
  const { name, cells } = read(`
    set = { "training.dropout" = 0.1 }
    [axes]
    "training.seed" = [1, 2]
    "generate.steps" = [5, "auto"]
  `);
  assertEquals(name, "some");
  assertEquals(cells.map(({ axes }) => Object.values(axes)), [
    [1, 5],
    [1, "auto"],
    [2, 5],
    [2, "auto"],
  ]);
  assertEquals(cells[3], {
    axes: { "training.seed": 2, "generate.steps": "auto" },
    settings: ["training.dropout=0.1", "training.seed=2"],
    model: undefined,
    generation: { steps: "auto" },
  });
});

Deno.test("parsePlan() takes choices that set several keys by their names", () => {
  const { cells } = read(`
    [axes]
    process = [
      { name = "moving", "diffusion.anchor_distance" = 2, "generate.batch_size" = 8 },
      { name = "fixed", "diffusion.anchor_distance" = "none" },
    ]
  `);
  assertEquals(cells.map(({ axes }) => axes), [{ process: "moving" }, { process: "fixed" }]);
  assertEquals(cells.map(({ settings }) => settings), [
    ["diffusion.anchor_distance=2"],
    ["diffusion.anchor_distance=none"],
  ]);
  assertEquals(cells[0]!.generation, { batchSize: 8 });
});

Deno.test("parsePlan() hands on tables, such as values by update, as TOML", () => {
  const { cells } = read(`
    set = { "training.waiting_slots" = { "0" = [0], "600" = [1, 2] } }
    axes = { "data.train" = [{ name = "pairs", "data.train" = { format = "tsv", file = "a.tsv" } }] }
  `);
  assertEquals(cells[0]!.settings, [
    'training.waiting_slots={ "0" = [0], "600" = [1, 2] }',
    'data.train={ "format" = "tsv", "file" = "a.tsv" }',
  ]);
});

Deno.test("parsePlan() gives every grid the axes that all have", () => {
  const { cells } = read(`
    axes = { "training.seed" = [1, 2] }
    [[grids]]
    axes = { "generate.steps" = [2] }
    [[grids]]
    set = { model = "shipped" }
    axes = { "training.seed" = [{ name = 0 }], "generate.candidates" = [1, 5] }
  `);
  assertEquals(cells.map(({ axes, model }) => [...Object.values(axes), model]), [
    [1, 2, undefined],
    [2, 2, undefined],
    [0, 1, "shipped"],
    [0, 5, "shipped"],
  ]);
});

Deno.test("parsePlan() says what is wrong with a plan", () => {
  assertRefused("lines = -1", '"lines" is -1, expected an integer');
  assertRefused('metrics = ["blue"]', '"metrics" is ["blue"]');
  assertRefused("budget = { hours = 1 }", 'unknown key "budget.hours"');
  assertRefused("budget = { minutes = -1 }", '"budget.minutes" is -1');
  assertRefused('axes = { "training.seed" = 1 }', 'axis "training.seed" is 1, expected a list');
  assertRefused('axes = { a = [{ "training.seed" = 1 }] }', "without a name");
  assertRefused('axes = { "generate.stesp" = [1] }', 'did you mean "generate.steps"?');
  assertRefused('axes = { "generate.steps" = ["many"] }', '"generate.steps" is "many"');
  assertRefused('set = { model = "m", "training.seed" = 1 }', "are not trained");
});
