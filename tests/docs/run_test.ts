/**
 * Runs what the pages mark for running: \`\`\`sh run. Blocks of one page share a folder and run in
 * order; a block marked `file=NAME` is a file there, one marked `output` is what the block before it
 * must print.
 */
import { assertEquals } from "@std/assert";
import { codeBlocks, pages } from "./markdown.ts";
import { Sandbox } from "./sandbox.ts";

for (const page of pages()) {
  const blocks = codeBlocks(page);
  if (!blocks.some(({ marks }) => marks.includes("run"))) continue;

  Deno.test(`${page.path} does what it says`, async () => {
    using sandbox = new Sandbox();
    let printed = "";
    for (const { marks, text } of blocks) {
      const file = marks.find((mark) => mark.startsWith("file="))?.slice("file=".length);
      if (file !== undefined) {
        sandbox.write(file, text);
      } else if (marks.includes("run")) {
        const { code, stdout, stderr } = await sandbox.run(text);
        assertEquals(code, 0, `${text}\n${stderr}`);
        printed = stdout;
      } else if (marks.includes("output")) {
        assertEquals(printed, text);
      }
    }
  });
}
