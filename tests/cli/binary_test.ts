/** The one file that scripts/compile.sh makes by way of the launcher, as a stranger would run it. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { VERSION } from "../../src/version.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);

/** The exit code of a launcher that finds no place to unpack to. */
const NO_PLACE = 10;

const folder = Deno.makeTempDirSync({ prefix: "ardiff one, file " });
const program = `${folder}/ardiff`;
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const { success, stderr: complaint } = await run(
  `'${ROOT}scripts/compile.sh' --launcher --include-models --output '${program}'`,
);
assert(success, complaint);

interface Outcome {
  readonly success: boolean;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script with `bash` in an empty folder, where `ardiff` is the program. */
async function run(script: string, variables: Record<string, string> = {}): Promise<Outcome> {
  const cwd = Deno.makeTempDirSync({ dir: folder });
  const { success, code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", script],
    cwd,
    env: {
      PATH: `${folder}:${Deno.env.get("PATH")}`,
      ARDIFF_CACHE: cacheOf("shared"),
      ARDIFF_LIBTORCH: `${ROOT}build/native/libtorch`,
      ...variables,
    },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, code, stdout: text(stdout), stderr: text(stderr) };
}

function cacheOf(name: string): string {
  return `${folder}/cache, ${name}`;
}

/** What a folder holds, but for locks. */
function entriesOf(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).filter((name) =>
    !name.endsWith(".lock")
  ).sort();
}

Deno.test("the one file passes arguments, streams and exit codes through", async () => {
  const version = await run("ardiff --version");
  assertEquals(version, { success: true, code: 0, stdout: `${VERSION}\n`, stderr: "" });
  const unknown = await run("ardiff '' -- --allow-all");
  assertEquals([unknown.code, unknown.stdout], [2, ""]);
  const chosen = await run(
    `printf '{"candidates": ["a cat sat", "a cat sat", "dogs"]}' | ardiff mbr | tee copy`,
  );
  assertEquals([chosen.stdout, chosen.stderr], ["a cat sat\n", ""]);
  assertEquals((await run("echo '[' | ardiff mbr")).code, 3);
});

Deno.test("the one file has the configurations and the manual page", async () => {
  const { stdout } = await run("ardiff files");
  const configurations = [...Deno.readDirSync(`${ROOT}configs`)].map(({ name }) => name).sort();
  const names = configurations.map((name) => `configs/${name}`);
  assertEquals(stdout.trimEnd().split("\n"), [...names, "docs/ardiff.1"]);
  const manual = await run("ardiff files docs/ardiff.1");
  assertEquals(manual.stdout, Deno.readTextFileSync(`${ROOT}docs/ardiff.1`));
  // A configuration is found by its name; the data that it names are not in the file.
  const train = await run("ardiff train configs/smoke.toml");
  assertMatch(train.stderr, /Cannot read "data\/commongen\/train.src": there is no such file/);
});

Deno.test("the one file sweeps and reports in any folder, with configurations it carries", async () => {
  const plan = `
    config = "configs/smoke.toml"
    lines = 2
    metrics = ["bleu"]
    [budget]
    updates = 2
    [set]
    "data.train.source_file" = "pairs"
    "data.train.target_file" = "pairs"
    "data.dev.file" = "dev"
    "training.threads" = 1
    [axes]
    "generate.steps" = [1, 2]
  `;
  const { code, stdout, stderr } = await run(`
    for n in 1 2 3 4 5 6 7 8; do echo "dog number $n"; done >pairs
    echo '{"source": "dog", "references": ["dog"]}' >dev
    echo '${plan}' >plan.toml
    ardiff sweep --quiet plan.toml && ardiff report runs/sweeps/plan --png && ls runs/sweeps/plan/report
  `);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^settings\.png$/m);
});

Deno.test("the one file says how to get the libtorch that it lacks", async () => {
  const without = { ARDIFF_LIBTORCH: "", PATH: `${folder}:/usr/bin:/bin` };
  const { code, stderr } = await run("echo a | ardiff generate -m commongen-small", without);
  if (code === 0) return; // this machine's python3 has torch
  assertEquals(code, 5);
  assertMatch(stderr, /python3 -m pip install torch==2\.\d+\.\d+/);
});

Deno.test("the one file dies of the signal that it is sent", async () => {
  const { code } = await run("mkfifo in; ardiff mbr <>in & sleep 0.5; kill -TERM $!; wait $!");
  assertEquals(code, 128 + 15);
});

Deno.test("the one file generates in an empty folder with a model it carries", async () => {
  const [model] = [...Deno.readDirSync(`${ROOT}models`)].map(({ name }) => name).sort();
  const generate = `echo 'a dog' | ardiff generate --device cpu --steps 2 --model ${model}`;
  const { code, stdout, stderr } = await run(generate);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^.+\n$/);
  const unknown = await run("ardiff info nonesuch");
  assertEquals(unknown.code, 4);
  assertMatch(unknown.stderr, new RegExp(`known by name are .*"${model}"`));
});

Deno.test("the one file takes libtorch from where it is told, from beside it, from python3", async () => {
  const report = async (script: string, variables: Record<string, string> = {}) => {
    const { stdout } = await run(`${script} doctor --json`, variables);
    const { libtorch_by, problem } = JSON.parse(stdout);
    return [libtorch_by, problem === null];
  };
  const libtorch = Deno.realPathSync(`${ROOT}build/native/libtorch`);
  assertEquals(await report("ardiff"), ["ARDIFF_LIBTORCH", true]);
  assertEquals(await report("ardiff", { ARDIFF_LIBTORCH: "/none" }), [null, false]);
  const beside = `ln '${program}' . && ln -s '${libtorch}' libtorch && ./ardiff`;
  assertEquals(await report(beside, { ARDIFF_LIBTORCH: "" }), ["beside the executable", true]);
  const python = `mkdir -p bin torch && ln -s '${libtorch}' torch/lib &&
    printf '#!/bin/sh\\n[ "$1" = -I ] && echo "%s/torch/__init__.py"\\n' "$PWD" >bin/python3 && chmod +x bin/python3 &&
    PATH=$PWD/bin:$PATH ardiff`;
  assertEquals(await report(python, { ARDIFF_LIBTORCH: "" }), ["python3", true]);
  // Deno starts no other program with such variables.
  const withPath = { ARDIFF_LIBTORCH: "", LD_LIBRARY_PATH: "/none" };
  assertEquals(await report(python, withPath), ["python3", true]);
});

Deno.test("the one file carries what MBR's worker threads run", () => {
  const [id] = entriesOf(cacheOf("shared"));
  const bundle = `${cacheOf("shared")}/${id}/src/bundle`;
  const workers = entriesOf(bundle).filter((name) => name.endsWith(".js")).flatMap((name) => {
    const text = Deno.readTextFileSync(`${bundle}/${name}`);
    return Array.from(text.matchAll(/new Worker\(new URL\("(.+?)"/g), ([, url]) => url);
  });
  assertEquals(workers.length, 1);
  assert(Deno.statSync(`${bundle}/${workers[0]}`).isFile);
});

Deno.test("first starts at once share one unpacked package", async () => {
  const cache = cacheOf("of many");
  const { stdout, stderr } = await run(
    "for i in 1 2 3 4; do ardiff --version & done; wait",
    { ARDIFF_CACHE: cache },
  );
  assertEquals([stdout, stderr], [`${VERSION}\n`.repeat(4), ""]);
  assertEquals(entriesOf(cache), entriesOf(cacheOf("shared")));
});

Deno.test("the one file repairs what it unpacked", async () => {
  const cache = cacheOf("repaired");
  const started = async () => {
    const { stdout, stderr } = await run("ardiff --version", { ARDIFF_CACHE: cache });
    assertEquals([stdout, stderr], [`${VERSION}\n`, ""]);
  };
  const [id] = entriesOf(cacheOf("shared"));
  const root = `${cache}/${id}`;
  // A start that was killed leaves a part behind.
  Deno.mkdirSync(`${root}.part/bin`, { recursive: true });
  Deno.writeTextFileSync(`${root}.part/bin/deno`, "half of it");
  await started();
  assertEquals(entriesOf(cache), [id]);
  Deno.removeSync(`${root}/src/bundle/main.js`);
  Deno.truncateSync(`${root}/bin/deno`, 1000);
  await started();
  // Others may have changed what they could write.
  Deno.writeTextFileSync(
    `${root}/ardiff`,
    "#!/bin/sh\nexit 77 #".padEnd(Deno.statSync(`${root}/ardiff`).size),
  );
  Deno.chmodSync(root, 0o777);
  await started();
});

Deno.test("the one file says in a sentence that it has no place to unpack to", async () => {
  const refused = async (variables: Record<string, string>, message: RegExp) => {
    const { code, stdout, stderr } = await run("touch file; ardiff --version", variables);
    assertEquals([code, stdout], [NO_PLACE, ""]);
    assertMatch(
      stderr,
      /^Error: Cannot unpack ardiff: [^\n]*: set ARDIFF_CACHE to a folder [^\n]*\n$/,
    );
    assertMatch(stderr, message);
  };
  await refused({ ARDIFF_CACHE: "file" }, /"file" is no folder of this user/);
  await refused({ ARDIFF_CACHE: "file/below" }, /"file\/below" cannot be made \(Not a directory\)/);
  await refused({ ARDIFF_CACHE: "x".repeat(3000) }, /too long/);
  const nowhere = { ARDIFF_CACHE: "", XDG_CACHE_HOME: "", HOME: "/dev/null", TMPDIR: "/dev/null" };
  await refused(nowhere, /"\/dev\/null\/.cache\/ardiff" .*; "\/dev\/null\/ardiff-\d+" /);
});

Deno.test("the one file takes the temporary folder where the cache folder cannot be used", async () => {
  const home = { ARDIFF_CACHE: "", XDG_CACHE_HOME: "/dev/null", TMPDIR: folder };
  assertEquals((await run("ardiff --version", home)).stdout, `${VERSION}\n`);
  const [temporary] = entriesOf(folder).filter((name) => /^ardiff-\d+$/.test(name));
  assertEquals(entriesOf(`${folder}/${temporary}`), entriesOf(cacheOf("shared")));
  assertEquals(Deno.statSync(`${folder}/${temporary}`).mode! & 0o077, 0, "nobody else's business");
});

Deno.test("the one file takes no folder that others could have put there or can change", async () => {
  const away = { ARDIFF_CACHE: "", XDG_CACHE_HOME: "", HOME: "/dev/null" };
  const script = async (prepare: string) => {
    const { code, stderr } = await run(
      `mkdir tmp elsewhere; chmod 1777 tmp; ${prepare}; TMPDIR=$PWD/tmp ardiff --version`,
      away,
    );
    assertEquals(code, NO_PLACE, stderr);
    return stderr;
  };
  assertMatch(await script("ln -s ../elsewhere tmp/ardiff-$(id -u)"), /is no folder of this user/);
  assertMatch(await script("chmod 777 tmp"), /may be changed by other users/);
  const open = "mkdir tmp/ardiff-$(id -u) && chmod 777 tmp/ardiff-$(id -u)";
  assertMatch(await script(open), /may be changed by other users/);
  // What another user left under the names that are used is not touched.
  const [id] = entriesOf(cacheOf("shared"));
  const cache = "mkdir -m 700 tmp/ardiff-$(id -u)";
  await script(`${cache}; ln -s "$PWD/made" "tmp/ardiff-$(id -u)/${id}.lock"`);
});

const mayMount = (await run("unshare -rm mount -t tmpfs none .")).success;

for (const [option, message] of [["noexec", "mounted noexec"], ["ro", "Read-only file system"]]) {
  Deno.test({
    name: `the one file says that it cannot unpack to a folder mounted ${option}`,
    ignore: !mayMount,
    fn: async () => {
      const { code, stderr } = await run(
        `mkdir at && unshare -rm sh -c 'mount -t tmpfs -o ${option} none at && ardiff --version'`,
        { ARDIFF_CACHE: "at" },
      );
      assertEquals(code, NO_PLACE);
      assert(stderr.includes(`"at" `) && stderr.includes(message!), stderr);
    },
  });
}
