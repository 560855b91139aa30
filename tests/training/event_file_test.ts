import { assertEquals } from "@std/assert";
import { crc32c } from "../../src/training/crc32c.ts";
import { EventFile } from "../../src/training/event_file.ts";
import { withFolder } from "../denoiser/test_files.ts";

/** Made with TensorBoard by scripts/oracles/event_file.py. */
const EXPECTED = new URL("../data/training/events.bin", import.meta.url);

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("crc32c() agrees with the published check value and RFC 3720", () => {
  assertEquals(crc32c(bytes("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
});

Deno.test(
  "EventFile writes the bytes that TensorBoard writes",
  withFolder((folder) => {
    {
      using file = new EventFile(folder, 3, 1.5);
      file.scalars(300, 2.25, { "train/loss": 0.1, "train/mse": -2 });
      file.text(2 ** 40, 3, "samples", "| é | b |\n".repeat(20));
      file.sessionStart(4, { "training.dropout": 0.5 });
      file.sessionEnd(5);
    }
    const [{ name }] = [...Deno.readDirSync(folder)] as [Deno.DirEntry];
    assertEquals(name, `events.out.tfevents.1.ardiff.${Deno.pid}`);
    assertEquals(Deno.readFileSync(`${folder}/${name}`), Deno.readFileSync(EXPECTED));
  }),
);
