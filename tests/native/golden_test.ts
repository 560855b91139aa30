import { assert, assertEquals } from "@std/assert";
import { checkGolden } from "../../src/golden/check.ts";
import { type Finding, passes } from "../../src/golden/report.ts";
import { golden } from "../denoiser/test_files.ts";
import { isAgain, testOnOtherKernels } from "./kernels.ts";
import { F32 } from "./sample_network.ts";

const FOLDERS = [...Deno.readDirSync(golden("."))]
  .filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();

function assertPasses(findings: readonly Finding[], what: string): void {
  assert(findings.length > 0, `nothing was compared: ${what}`);
  assertEquals(findings.filter((finding) => !passes(finding)), [], what);
}

for (const name of FOLDERS) {
  const path = golden(name);

  Deno.test(`checkGolden() finds ${name} right`, async () => {
    for (const dtype of ["f32", "bf16"] as const) {
      const findings = await checkGolden(path, { ...F32, dtype, portable: false });
      assertPasses(findings, `${name}, ${dtype}`);
    }
  });

  Deno.test({
    name: `checkGolden() finds ${name} right on the portable path`,
    ignore: isAgain,
    async fn() {
      for (const dtype of ["f32", "bf16"] as const) {
        // One thread: OpenMP's threads spin while they wait, for minutes where cores are shared.
        const findings = await checkGolden(path, { ...F32, dtype, threads: 1, portable: true });
        assertPasses(findings, `${name}, portable, ${dtype}`);
      }
    },
  });
}

Deno.test("checkGolden() finds schedule.json right", async () => {
  assertPasses(
    await checkGolden(golden("schedule.json"), { ...F32, portable: false }),
    "schedules",
  );
});

testOnOtherKernels(import.meta.url);
