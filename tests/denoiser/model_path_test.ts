import { assertEquals, assertThrows } from "@std/assert";
import { resolveModel } from "../../src/denoiser/model_path.ts";
import { ExitCode, UserError } from "../../src/errors.ts";
import { withFolder } from "./test_files.ts";

Deno.test(
  "resolveModel() takes a folder, else a model of that name",
  withFolder((folder) => {
    const collection = `${folder}/models`;
    Deno.mkdirSync(`${collection}/small`, { recursive: true });
    Deno.mkdirSync(`${folder}/mine`);
    assertEquals(resolveModel(`${folder}/mine`, collection), `${folder}/mine`);
    assertEquals(resolveModel("small", collection), `${collection}/small`);
    // A folder of the same name wins: here one that every working folder has.
    Deno.mkdirSync(`${collection}/src`);
    assertEquals(resolveModel("src", collection), "src");
  }),
);

Deno.test(
  "resolveModel() lists the names there are",
  withFolder((folder) => {
    const refused = (collection: string, problem: string) => {
      const error = assertThrows(() => resolveModel("large", collection), UserError, problem);
      assertEquals(error.exitCode, ExitCode.model);
    };
    refused(`${folder}/none`, 'Cannot load model "large": no such folder, and no model comes with');
    Deno.mkdirSync(`${folder}/models/tiny`, { recursive: true });
    Deno.mkdirSync(`${folder}/models/small`);
    Deno.writeTextFileSync(`${folder}/models/large`, "a file is no model");
    refused(`${folder}/models`, 'the models known by name are "small", "tiny"');
  }),
);

Deno.test("resolveModel() does not leave the collection", () => {
  assertThrows(() => resolveModel("../denoiser", import.meta.dirname), UserError, "no such folder");
});
