import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { placeOf } from "../../src/training/launcher.ts";

const TORCHRUN = {
  RANK: "1",
  WORLD_SIZE: "4",
  LOCAL_RANK: "1",
  LOCAL_WORLD_SIZE: "2",
  MASTER_ADDR: "node7",
  MASTER_PORT: "29501",
  TORCHELASTIC_RESTART_COUNT: "3",
};

const SLURM = {
  SLURM_NTASKS: "6",
  SLURM_PROCID: "0",
  SLURM_LOCALID: "0",
  SLURM_TASKS_PER_NODE: "2(x3)",
  SLURM_JOB_NODELIST: "cpu[07-08,12],big3",
  SLURM_JOB_ID: "1234567",
  SLURM_STEP_ID: "2",
};

function place(variables: Readonly<Record<string, string>>) {
  return placeOf((name) => variables[name]);
}

Deno.test("placeOf() reads torchrun's variables", () => {
  const expected = {
    rank: 1,
    size: 4,
    localRank: 1,
    localSize: 2,
    host: "node7",
    port: 29501,
    serve: false,
    session: "3",
  };
  assertEquals(place(TORCHRUN), expected);
  assertEquals(place({ ...TORCHRUN, RANK: "0" }), { ...expected, rank: 0, serve: true });
  const served = { ...TORCHRUN, RANK: "0", TORCHELASTIC_USE_AGENT_STORE: "True" };
  assertEquals(place(served)?.serve, false);
});

Deno.test("placeOf() reads Slurm's variables, unless torchrun runs under it", () => {
  assertEquals(place(SLURM), {
    rank: 0,
    size: 6,
    localRank: 0,
    localSize: 2,
    host: "cpu07",
    port: 24567,
    serve: true,
    session: "2.0",
  });
  assertEquals(place({ ...SLURM, SLURM_JOB_NODELIST: "node-a,node-b" })?.host, "node-a");
  assertEquals(place({ ...SLURM, MASTER_PORT: "4000" })?.port, 4000);
  assertEquals(place({ ...SLURM, ...TORCHRUN })?.host, "node7");
});

Deno.test("placeOf() is undefined for a process alone", () => {
  assertEquals(place({}), undefined);
  assertEquals(place({ ...TORCHRUN, WORLD_SIZE: "1" }), undefined);
  assertEquals(place({ ...SLURM, SLURM_NTASKS: "1" }), undefined);
});

Deno.test("placeOf() names a variable that is missing or makes no sense", () => {
  for (
    const [variables, message] of [
      [{ ...TORCHRUN, MASTER_PORT: "" }, "WORLD_SIZE is set but MASTER_PORT is not"],
      [{ ...TORCHRUN, RANK: "4" }, 'RANK is "4", expected 0 to 3'],
      [{ ...TORCHRUN, WORLD_SIZE: "two" }, 'WORLD_SIZE is "two", expected 1'],
    ] as const
  ) {
    assertThrows(() => place(variables), UserError, message);
  }
});
