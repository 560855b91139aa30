import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openOutput } from "../../src/host/streams.ts";
import { UserError } from "../../src/errors.ts";
import { withFolder } from "../denoiser/test_files.ts";

const IO = { stdout: () => {} };
const namesIn = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

Deno.test(
  "openOutput() leaves an older file as it was until all is written",
  withFolder(async (folder) => {
    const path = `${folder}/out`;
    Deno.writeTextFileSync(path, "old", { mode: 0o640 });
    Deno.chmodSync(path, 0o640);
    {
      using _unused = await openOutput(path, IO);
    }
    assertEquals([namesIn(folder), Deno.readTextFileSync(path)], [["out"], "old"]);
    {
      using output = await openOutput(path, IO);
      await output.write("new");
      assertEquals(Deno.readTextFileSync(path), "old");
      output.finish();
    }
    assertEquals([namesIn(folder), Deno.readTextFileSync(path)], [["out"], "new"]);
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o640);
  }),
);

Deno.test(
  "openOutput() keeps what was written before a failure, beside an older file",
  withFolder(async (folder) => {
    for (const names of [["out"], ["out", "out.partial"]]) {
      {
        using output = await openOutput(`${folder}/out`, IO);
        await output.write("some");
      }
      assertEquals(namesIn(folder), names);
      assertEquals(Deno.readTextFileSync(`${folder}/${names.at(-1)}`), "some");
    }
  }),
);

Deno.test(
  "openOutput() writes where a link leads and leaves the link",
  withFolder(async (folder) => {
    Deno.mkdirSync(`${folder}/elsewhere`);
    Deno.writeTextFileSync(`${folder}/elsewhere/file`, "old");
    Deno.symlinkSync("elsewhere/file", `${folder}/link`);
    using output = await openOutput(`${folder}/link`, IO);
    await output.write("new");
    output.finish();
    assertEquals(Deno.readTextFileSync(`${folder}/elsewhere/file`), "new");
    assertEquals(Deno.lstatSync(`${folder}/link`).isSymlink, true);
  }),
);

Deno.test(
  "openOutput() removes what killed writers of the file left, not what living ones write",
  withFolder(async (folder) => {
    for (const name of ["out.tmp-1-0123abcd", "out.tmp-mine", "other.tmp-1-0123abcd"]) {
      Deno.writeTextFileSync(`${folder}/${name}`, "");
    }
    using first = await openOutput(`${folder}/out`, IO);
    using second = await openOutput(`${folder}/out`, IO);
    assertEquals(namesIn(folder).length, 4);
    for (const output of [first, second]) {
      await output.write("x");
      output.finish();
    }
    assertEquals(namesIn(folder), ["other.tmp-1-0123abcd", "out", "out.tmp-mine"]);
  }),
);

Deno.test("openOutput() refuses an empty name and a folder that is not there", async () => {
  const told = await assertRejects(() => openOutput("", IO), UserError, "the name of a file");
  assertEquals(told.exitCode, 7);
  await assertRejects(() => openOutput("/none/out", IO), UserError, 'write output "/none/out"');
});

Deno.test("openOutput() writes to a device as it is", async () => {
  using output = await openOutput("/dev/null", IO);
  await output.write("x");
  output.finish();
  assertEquals(Deno.statSync("/dev/null").isCharDevice, true);
});

Deno.test(
  "a wait for the reader of a named pipe ends with a signal",
  withFolder(async (folder) => {
    await new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).output();
    const streams = new URL("../../src/host/streams.ts", import.meta.url).href;
    const interrupts = new URL("../../src/host/interrupts.ts", import.meta.url).href;
    const program = `
      import { openOutput } from ${JSON.stringify(streams)};
      import { Interrupts } from ${JSON.stringify(interrupts)};
      using interrupts = new Interrupts();
      setTimeout(() => Deno.kill(Deno.pid, "SIGTERM"), 50);
      try {
        await openOutput(${JSON.stringify(`${folder}/pipe`)}, {}, interrupts.signal);
      } catch (error) {
        console.log(error.message);
      }
      Deno.exit(3);`;
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", program],
    }).output();
    assertEquals(code, 3);
    assertStringIncludes(new TextDecoder().decode(stdout), "Stopped by SIGTERM");
  }),
);
