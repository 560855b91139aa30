/**
 * Runs the way of docs/training.md from two text files to a model: its blocks marked `small`, word for
 * word, on a small cut of such files and with little time.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { codeBlocks, page } from "./markdown.ts";
import { Sandbox } from "./sandbox.ts";

const ANIMALS = ["Hund dog", "Katze cat", "Vogel bird", "Pferd horse"];
const PLACES = ["Schnee snow", "Wasser water", "Gras grass", "Sand sand"];

/** Sentence i in both languages. */
function sentences(i: number): readonly [german: string, english: string] {
  const [animal, place] = [ANIMALS[i % 4]!.split(" "), PLACES[Math.floor(i / 4) % 4]!.split(" ")];
  return [
    `Ein ${animal[0]} läuft durch ${place[0]} ${i}.`,
    `A ${animal[1]} runs through ${place[1]} ${i}.`,
  ];
}

function writeText(sandbox: Sandbox, name: string, first: number, count: number): void {
  const pairs = Array.from({ length: count }, (_, i) => sentences(first + i));
  for (const [side, language] of ["de", "en"].entries()) {
    sandbox.write(`${name}.${language}`, pairs.map((pair) => `${pair[side]}\n`).join(""));
  }
}

/** Starts a run, kills it once it has saved, and goes on with it. */
const KILLED = `
'${Deno.execPath()}' run --frozen -A main.ts train german.toml --output runs/killed & pid=$!
until ls -d runs/killed/checkpoints/* > /dev/null 2>&1; do sleep 0.05; done
kill -9 $pid
wait $pid || true
ardiff train german.toml --output runs/killed --resume
cmp runs/german/model/model.safetensors runs/killed/model/model.safetensors
`;

Deno.test("docs/training.md leads from two text files to a model, stopped and killed or not", async () => {
  using sandbox = new Sandbox();
  writeText(sandbox, "train", 0, 300);
  writeText(sandbox, "val", 300, 12);
  const blocks = codeBlocks(page("docs/training.md")).filter(({ marks }) =>
    marks.includes("small")
  );
  assertEquals(blocks.length, 2);
  const outcomes = [];
  for (const { text } of [...blocks, { text: KILLED }]) {
    const outcome = await sandbox.run(`export ARDIFF_MINUTES=0.02 ARDIFF_THREADS=1\n${text}`);
    assertEquals(outcome.code, 0, `${text}\n${outcome.stderr}`);
    outcomes.push(outcome);
  }
  const [first] = outcomes;
  assertMatch(first!.stderr, /^300 pairs of 300 different sources/m);
  assertMatch(first!.stdout, /^runs\/german\/model$/m);
  assertMatch(first!.stdout, /BLEU/);
  const lines = first!.stdout.split("\n");
  assert(lines.indexOf("runs/german/model") < lines.length - 2, first!.stdout);
});
