/** `ardiff score`, with a small model in the shifted layout. */
import { assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { withFolder } from "../denoiser/test_files.ts";
import { writeShiftedModel } from "../generation/tiny_model.ts";
import { runHere, sharedModel } from "./fake_process.ts";

const CPU = ["--device", "cpu", "--threads", "1"];

Deno.test(
  "ardiff score gives sum, mean and perplexity of each line, and an empty one where there is no pair",
  withFolder(async (folder) => {
    writeShiftedModel(`${folder}/model`);
    const stdin = "a dog\ta red dog\nnothing\n\na dog\t\n";
    const outcome = await runHere(["score", "-m", `${folder}/model`, ...CPU], { stdin });
    const [first, second, third, last, end] = outcome.stdout.split("\n");
    const [sum, mean, perplexity, source, target] = first!.split("\t");
    assertEquals([second, third, end, source, target], ["", "", "", "a dog", "a red dog"]);
    assertAlmostEquals(Math.log(Number(perplexity)), -Number(mean), 1e-5);
    assertMatch(last!, /^-\d+\.\d{6}\t-\d+\.\d{6}\t\d+\.\d{6}\ta dog\t$/);
    assertEquals(outcome.code, 3);
    const total = Number(sum) + Number(last!.split("\t")[0]);
    const told = /2 targets, \d+ tokens: log-probability (-[\d.]+),/.exec(outcome.stderr);
    assertAlmostEquals(Number(told?.[1]), total, 1e-4);
    assertStringIncludes(outcome.stderr, "Line 2 gives an empty output: expected a source, a tab");
  }),
);

Deno.test(
  "ardiff score says of generated lines what generate says",
  withFolder(async (folder) => {
    writeShiftedModel(`${folder}/model`);
    const model = ["-m", `${folder}/model`, ...CPU];
    const stdin = '{"id": 7, "source": "a dog"}\n{"id": 8, "source": "the red sky"}\n';
    const json = ["--input-format", "jsonl", "--format", "jsonl"];
    const generated = await runHere(["generate", ...model, ...json], { stdin });
    const scored = await runHere(["score", ...model, ...json, "--target-field", "text"], {
      stdin: generated.stdout,
    });
    const [written, scores] = [generated, scored].map(({ stdout }) =>
      stdout.trim().split("\n").map((line) => JSON.parse(line))
    );
    assertEquals(scores!.map(({ id }) => id), [7, 8]);
    for (const [i, { log_probability, sum, tokens }] of scores!.entries()) {
      assertAlmostEquals(log_probability, written![i].candidates[0].log_probability, 1e-5);
      const all = tokens.map((token: { log_probability: number }) => token.log_probability);
      assertAlmostEquals(all.reduce((a: number, b: number) => a + b), sum, 1e-9);
      assertAlmostEquals(sum / tokens.length, log_probability, 1e-9);
    }
    const again = await runHere(["score", ...model, ...json, "--target-field", "none"], {
      stdin: generated.stdout,
    });
    assertEquals([again.code, JSON.parse(again.stdout.split("\n")[0]!).sum], [3, null]);
  }),
);

Deno.test("ardiff score refuses a model whose slots settle over many calls", async () => {
  const { code, stderr, stdout } = await runHere(["score", "-m", sharedModel(), ...CPU], {
    stdin: "a\tb\n",
  });
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^Error: Cannot score: the slots of this model settle .*\n$/);
});
