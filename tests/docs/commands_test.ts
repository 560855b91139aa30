/** Holds every documented command line against the program's declarations and the project's files. */
import { assert, assertEquals } from "@std/assert";
import { complaint } from "../cli/complaint.ts";
import { codeBlocks, localLinks, pages, ROOT } from "./markdown.ts";
import { type SimpleCommand, simpleCommands } from "./shell.ts";

function taskNames(): string[] {
  const { tasks = {} } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));
  return Object.keys(tasks);
}

async function check(command: SimpleCommand): Promise<void> {
  const [program, ...words] = command;
  const shown = command.join(" ");
  if (program === "ardiff") assertEquals(await complaint(words), undefined, shown);
  if (program === "deno" && words[0] === "task") {
    const [name = "", ...args] = words.slice(1).filter((word) => !/^-(q|-quiet)$/.test(word));
    assert(taskNames().includes(name), `no task of deno.json: ${shown}`);
    if (name === "ardiff") assertEquals(await complaint(args), undefined, shown);
  }
  for (const word of command) {
    if (!/^(\.\/)?(scripts|configs|tests|bench|examples|native|src|\.ci)\/[\w./-]+$/.test(word)) {
      continue;
    }
    assert(exists(word), `no such file: ${shown}`);
  }
}

/** What a transcript shows as typed after the prompt. */
function typed(transcript: string): string {
  return Array.from(transcript.matchAll(/^\$ (.*)$/gm), ([, line]) => line).join("\n");
}

function exists(path: string): boolean {
  try {
    Deno.statSync(`${ROOT}${path}`);
    return true;
  } catch {
    return false;
  }
}

for (const page of pages()) {
  Deno.test(`${page.path} shows commands that exist`, async () => {
    for (const { language, text } of codeBlocks(page)) {
      const script = language === "sh" ? text : language === "console" ? typed(text) : "";
      for (const command of simpleCommands(script)) await check(command);
    }
  });

  Deno.test(`${page.path} has no dead links`, () => {
    for (const target of localLinks(page)) {
      assert(exists(target), `${page.path} links to ${target}`);
    }
  });
}
