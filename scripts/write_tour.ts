/**
 * Writes docs/tour.md: runs every command of a tour, from a clone to a trained model and one
 * executable file, in a new clone of this repository's last commit, and takes down what they print.
 *
 *     deno run --allow-read --allow-write --allow-run --allow-env scripts/write_tour.ts
 *
 * Deno and libtorch are taken from here if they are, so that nothing is fetched; with --fresh the
 * clone has an empty home and fetches all. --output FILE writes another file.
 */
import { parseArgs } from "node:util";

/** Some commands and what to say about them. */
interface Section {
  readonly title: string;
  readonly about: string;
  readonly commands: readonly string[];
}

const ROOT = decodeURIComponent(new URL("../", import.meta.url).pathname).replace(/\/$/, "");

const { values: args } = parseArgs({
  options: { fresh: { type: "boolean" }, output: { type: "string" } },
});

/** The tour with models that are there. */
function sections(concepts: string, translation: string | undefined): Section[] {
  const model = `models/${concepts}`;
  return [
    {
      title: "Set up",
      about:
        "One command brings Deno and libtorch, builds the native library and lets the models " +
        "that come with the project write. `$ARDIFF` is where the repository lies.",
      commands: [
        'git clone --quiet "$ARDIFF" ardiff && cd ardiff',
        "./scripts/quickstart.sh",
        'export PATH="$PWD/bin:$PWD/.tools/bin:$PATH"',
        "ardiff doctor",
      ],
    },
    {
      title: "Generate",
      about: "A line in, a line out. More candidates and a choice among them make better lines; " +
        "`--trace` shows how one settles, a row a network call.",
      commands: [
        `ardiff info ${model} | head -8`,
        `echo "dog frisbee catch" | ardiff generate -m ${model}`,
        `echo "dog frisbee catch" | ardiff generate -m ${model} --candidates 10`,
        `echo "dog run beach" | ardiff generate -m ${model} --trace --steps 12`,
        ...translation === undefined ? [] : [
          `printf '%s\\n' "I am hungry." "Where is the station?" "She is reading a book." | ` +
          `ardiff generate -m models/${translation} --candidates 10`,
        ],
      ],
    },
    {
      title: "In a shell",
      about:
        "Standard output carries results only, in the order of the input, while it still comes; " +
        "a reader that leaves ends the run quietly; shards joined are the whole.",
      commands: [
        `deno task --quiet data`,
        `sed -n '1~1000p' data/commongen/train.src | head -64 > lines.txt`,
        `ardiff generate -m ${model} -i lines.txt --steps 5 | head -3`,
        `ardiff generate -m ${model} -i lines.txt --steps 5 > whole.txt && wc -l < whole.txt`,
        `seq 4 | xargs -P 2 -I{} deno task --quiet ardiff generate -m ${model} -i lines.txt ` +
        `--steps 5 --shard {}/4 -o shard.{}`,
        `cat shard.[1-4] | cmp - whole.txt && echo the same`,
        `tail -n +1 -f lines.txt | timeout 10 deno task --quiet ardiff generate -m ${model} ` +
        "--steps 5 | wc -l; echo ${PIPESTATUS[1]}",
        `ardiff generate -m ${model} -i lines.txt --steps 2 > /dev/full; echo $?`,
      ],
    },
    {
      title: "Choose and score",
      about: "Candidates of any system, the outputs of any system. Every score comes with its " +
        "signature.",
      commands: [
        `head -100 data/commongen/dev.jsonl > dev.jsonl`,
        `ardiff generate -m ${model} -i dev.jsonl --input-format jsonl --steps 5 -k 10 ` +
        `--select first --format jsonl > candidates.jsonl`,
        `ardiff mbr --utility chrf < candidates.jsonl > chosen.txt && head -3 chosen.txt`,
        `ardiff evaluate --hypotheses candidates.jsonl chosen.txt --data dev.jsonl ` +
        `--metrics bleu,coverage --bootstrap 500`,
      ],
    },
    {
      title: "Train",
      about: "Half of the updates of a small configuration, then, as after any interruption, the " +
        "rest. A minute of training makes a model that runs, not one that writes well.",
      commands: [
        "ardiff train configs/smoke.toml --max-steps 150",
        "ardiff train configs/smoke.toml --resume",
        "ls runs/smoke runs/smoke/model",
        'echo "dog frisbee catch" | ardiff generate -m runs/smoke/model --candidates 20',
        "ardiff evaluate -m runs/smoke/model --data dev.jsonl --steps 5 --metrics bleu,coverage",
      ],
    },
    {
      title: "From a program",
      about: "The commands are made of [a library](library.md).",
      commands: [
        `deno run --allow-read --allow-ffi --allow-env examples/own_utility.ts ${model} ` +
        `"dog frisbee catch"`,
      ],
    },
    {
      title: "One file to hand on",
      about: "The program, Deno and the native library in one executable, here with the models; " +
        "libtorch is looked for where it runs.",
      commands: [
        "./scripts/compile.sh --include-models --launcher",
        "mkdir ../elsewhere && mv dist/ardiff ../elsewhere",
        "cd ../elsewhere && ls && ./ardiff --version",
        `cd ../elsewhere && echo "dog frisbee catch" | ./ardiff generate -m ${concepts} -k 10`,
      ],
    },
  ];
}

/** A folder with a clone in it. Dispose of it to remove both. */
class Place implements Disposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "ardiff-tour-" });
  readonly #clone = `${this.#folder}/ardiff`;

  /**
   * Runs a command as typed into a shell and returns what a reader sees of it.
   *
   * @throws where the command fails
   */
  async run(command: string): Promise<string> {
    const atHome = command.startsWith("git clone");
    // What an alias and an exported PATH do in a shell that goes on.
    const prelude = `export PATH="$PWD/.tools/bin:$PATH"
      ardiff() { deno task --quiet ardiff "$@"; }`;
    const { code, stdout } = await new Deno.Command("bash", {
      args: ["-c", `exec 2>&1; ${atHome ? "" : prelude}\n${command}`],
      cwd: atHome ? this.#folder : this.#clone,
      env: this.#environment(),
      clearEnv: args.fresh ?? false,
      stdin: "null",
      stderr: "inherit",
    }).output();
    const text = this.#withoutPaths(new TextDecoder().decode(stdout));
    if (code !== 0) throw new Error(`"${command}" ended with code ${code}:\n${text}`);
    return text;
  }

  #environment(): Record<string, string> {
    const common = { ARDIFF: ROOT, NO_COLOR: "1", LC_ALL: "C.UTF-8" };
    const path = Deno.env.get("PATH") ?? "";
    if (args.fresh) {
      Deno.mkdirSync(`${this.#folder}/home`, { recursive: true });
      return { ...common, HOME: `${this.#folder}/home`, PATH: withoutDeno(path) };
    }
    // The tools that this checkout has been given, its Python with torch and CMake among them.
    return { ...common, PATH: `${ROOT}/.tools/bin:${ROOT}/.venv/bin:${path}` };
  }

  /** This machine's folders mean nothing to a reader. */
  #withoutPaths(text: string): string {
    const home = Deno.env.get("HOME");
    return [this.#folder, ROOT, ...home === undefined || home === "/" ? [] : [home]].reduce(
      (shown, path) => shown.replaceAll(path, path === ROOT ? "$ARDIFF" : "~"),
      text,
    );
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

function withoutDeno(path: string): string {
  return path.split(":").filter((folder) => resolved(`${folder}/deno`) === undefined).join(":");
}

function resolved(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}

/** The name of a model that comes with the project: the finished one before any other. */
function modelFor(data: string): string | undefined {
  const names = [...Deno.readDirSync(`${ROOT}/models`)].map(({ name }) => name)
    .filter((name) => name.startsWith(data)).sort();
  return names.find((name) => name === `${data}-small`) ?? names[0];
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

const concepts = modelFor("commongen");
if (concepts === undefined) throw new Error("models/ has no model for CommonGen");
using place = new Place();
const start = performance.now();
const parts: string[] = [];
for (const { title, about, commands } of sections(concepts, modelFor("tatoeba-en-fr"))) {
  const transcript: string[] = [];
  for (const command of commands) {
    say(`$ ${command}`);
    transcript.push(`$ ${command}\n${await place.run(command)}`);
  }
  parts.push(`## ${title}\n\n${about}\n\n\`\`\`console\n${transcript.join("")}\`\`\`\n`);
}
const minutes = ((performance.now() - start) / 60_000).toFixed(1);
const head = `<!-- deno-fmt-ignore-file -->

# A tour

From a clone to sentences, scores, a trained model and one executable file. This page is written by
\`scripts/write_tour.ts\`, which runs every command in a new clone and takes down what it prints:
nothing here is typed by hand. It took ${minutes} minutes on ${navigator.hardwareConcurrency} processors, ${
  args.fresh
    ? "with nothing there but the tools of a fresh machine"
    : "with Deno and libtorch at hand (to fetch them takes some minutes more, once)"
}.
`;
Deno.writeTextFileSync(args.output ?? `${ROOT}/docs/tour.md`, [head, ...parts].join("\n"));
