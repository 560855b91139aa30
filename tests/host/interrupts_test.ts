import { assertEquals } from "@std/assert";

const MODULE = new URL("../../src/host/interrupts.ts", import.meta.url).href;

/** Runs a program that has asked itself to stop, and tells how it ended. */
async function outcome(program: string, env: Record<string, string> = {}) {
  const code = `import { Interrupts } from ${JSON.stringify(MODULE)};
    const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));
    const interrupts = new Interrupts();
    ${program}`;
  const { code: exitCode, signal, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", code],
    env,
    stdout: "piped",
    stderr: "inherit",
  }).output();
  return { exitCode, signal, stdout: new TextDecoder().decode(stdout).trim() };
}

Deno.test("Interrupts takes a signal that comes twice at once for one", async () => {
  const { exitCode, stdout } = await outcome(`
    Deno.kill(Deno.pid, "SIGINT");
    await sleep(5);
    Deno.kill(Deno.pid, "SIGINT");
    await sleep(20);
    console.log(interrupts.signal.reason.message);
    Deno.exit(interrupts.signal.reason.exitCode);`);
  assertEquals([exitCode, stdout], [130, "Stopped by SIGINT"]);
});

Deno.test("Interrupts takes a hang-up for an end, but under nohup", async () => {
  const program = `
    Deno.kill(Deno.pid, "SIGHUP");
    await sleep(20);
    console.log(interrupts.received);
    Deno.exit(interrupts.signal.reason.exitCode);`;
  const { exitCode, stdout } = await outcome(program);
  assertEquals([exitCode, stdout], [129, "SIGHUP"]);
  // Nobody listens: what the system does with the signal is what nohup has told it to do.
  assertEquals((await outcome(program, { ARDIFF_HANGUP: "ignored" })).signal, "SIGHUP");
});

Deno.test("Interrupts lets a second signal end the program at once", async () => {
  const { signal, stdout } = await outcome(`
    Deno.kill(Deno.pid, "SIGTERM");
    await sleep(500);
    Deno.kill(Deno.pid, "SIGTERM");
    await sleep(1000);
    console.log("alive");`);
  assertEquals([signal, stdout], ["SIGTERM", ""]);
});
