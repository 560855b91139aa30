import { assert, assertEquals, assertMatch } from "@std/assert";

const { tasks, permissions } = JSON.parse(
  Deno.readTextFileSync(`${import.meta.dirname}/../../deno.json`),
) as {
  tasks: Record<string, { description?: string; command?: string }>;
  permissions: Record<string, Record<string, unknown>>;
};

Deno.test("every task says what it is for", () => {
  for (const [name, { description }] of Object.entries(tasks)) assert(description, name);
});

Deno.test("every task that runs code names its permissions and keeps to the lock file", () => {
  for (const [name, { command = "" }] of Object.entries(tasks)) {
    assert(!/(^| )(-A|--allow-all)( |$)/.test(command), `${name} may do anything`);
    for (const [run] of command.matchAll(/deno (run|test|bench) [^&|;]*/g)) {
      assertMatch(run, / -P=\w+( |$)/, name);
      assertMatch(run, / --frozen /, name);
      assert(!run.includes("--allow-"), `${name} has permissions beside its set`);
    }
  }
});

Deno.test("no command may use the network, and FFI is for the shim and libtorch alone", () => {
  for (const [name, set] of Object.entries(permissions)) {
    for (const kind of ["all", "net", "import", "sys"]) {
      assertEquals(set[kind] ?? false, false, `${name} has ${kind}`);
    }
    for (const path of set.ffi as string[] ?? []) {
      assertMatch(path, /^\.\/build\/native\/(libardiff(_group)?\.so|libtorch)$/, name);
    }
  }
  assertEquals(permissions.ardiff?.run, ["python3"]);
});
