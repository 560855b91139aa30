import { assert, assertEquals, assertThrows } from "@std/assert";
import { ExitCode, UserError } from "../../src/errors.ts";
import { passes } from "../../src/golden/report.ts";
import { checkSchedule } from "../../src/golden/schedule_check.ts";
import { golden, withFolder } from "../denoiser/test_files.ts";

/** A small schedule file that is right. */
function schedule() {
  const { sqrt_alpha_bar, token_timesteps, skip_steps } = JSON.parse(
    Deno.readTextFileSync(golden("schedule.json")),
  );
  return {
    sqrt_alpha_bar,
    token_timesteps: token_timesteps.slice(0, 1),
    skip_steps: skip_steps.slice(0, 1),
  };
}

Deno.test(
  "checkSchedule() refuses a damaged file, or finds what is wrong in it",
  withFolder((folder) => {
    const path = `${folder}/schedule.json`;
    const check = (text: string) => {
      Deno.writeTextFileSync(path, text);
      return checkSchedule(path);
    };
    assert(check(JSON.stringify(schedule())).every(passes));
    const refused = (text: string) => {
      const { exitCode, message } = assertThrows(() => check(text), UserError);
      assertEquals(exitCode, ExitCode.data, message);
      assert(message.startsWith(`Cannot read "${path}": `), message);
    };
    for (const text of ["", "{", "[]", "null", "{}", "[".repeat(5000)]) refused(text);

    // Every place of the file, with every value that is none of its kind.
    const wrong = [null, -1, 0.5, 1e300, "x", [], {}, ["x"], true];
    const places = (value: unknown, path: string[] = []): string[][] =>
      typeof value === "object" && value !== null
        ? Object.entries(value).slice(0, 3).flatMap(([key, inner]) => [
          [...path, key],
          ...places(inner, [...path, key]),
        ])
        : [];
    for (const place of places(schedule())) {
      for (const value of wrong) {
        const root = schedule();
        const key = place.at(-1)!;
        // deno-lint-ignore no-explicit-any -- a place of any JSON
        const parent = place.slice(0, -1).reduce((inner: any, name) => inner[name], root);
        parent[key] = value;
        const text = JSON.stringify(root);
        try {
          check(text);
        } catch (error) {
          assert(error instanceof UserError, `${place.join(".")} = ${JSON.stringify(value)}: ${error}`);
        }
      }
    }
  }),
);
