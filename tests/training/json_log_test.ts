import { assertEquals } from "@std/assert";
import { JsonLog } from "../../src/training/json_log.ts";
import { withFolder } from "../denoiser/test_files.ts";

const clock = () => new Date("2026-11-28T20:00:00Z");

Deno.test(
  "JsonLog writes one object a line",
  withFolder((folder) => {
    {
      using log = new JsonLog(`${folder}/log.jsonl`, 0, clock);
      log.write("update", 1, { loss: 2.5 });
      log.write("checkpoint", 1, { path: "a\nb" });
    }
    assertEquals(
      Deno.readTextFileSync(`${folder}/log.jsonl`),
      '{"event":"update","step":1,"time":"2026-11-28T20:00:00.000Z","loss":2.5}\n' +
        '{"event":"checkpoint","step":1,"time":"2026-11-28T20:00:00.000Z","path":"a\\nb"}\n',
    );
  }),
);

Deno.test(
  "JsonLog drops what was written after the step a run goes on from",
  withFolder((folder) => {
    const path = `${folder}/log.jsonl`;
    const kept = '{"event":"update","step":1}\n{"event":"update","step":2}\n';
    Deno.writeTextFileSync(path, `${kept}{"event":"update","step":3}\n{"event":"upd`);
    {
      using log = new JsonLog(path, 2, clock);
      log.write("update", 3, { again: true });
    }
    assertEquals(
      Deno.readTextFileSync(path),
      `${kept}{"event":"update","step":3,"time":"2026-11-28T20:00:00.000Z","again":true}\n`,
    );
  }),
);
