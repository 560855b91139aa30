import { assertEquals } from "@std/assert";
import { simpleCommands } from "./shell.ts";

Deno.test("simpleCommands() takes pipelines, lists and lines apart", () => {
  assertEquals(simpleCommands("a b | c && d; e\nf & g"), [
    ["a", "b"],
    ["c"],
    ["d"],
    ["e"],
    ["f"],
    ["g"],
  ]);
});

Deno.test("simpleCommands() unquotes words", () => {
  assertEquals(simpleCommands(`echo 'a | b' "c \\"d\\"" e\\ f --x="y z" '{"k": [1]}'`), [
    ["echo", "a | b", 'c "d"', "e f", "--x=y z", '{"k": [1]}'],
  ]);
});

Deno.test("simpleCommands() leaves out comments, redirections and assignments", () => {
  assertEquals(
    simpleCommands("# a comment\nX=1 Y='2 3' run this # why\nrun <in >out 2>/dev/null 2>&1\nZ=4"),
    [["run", "this"], ["run"]],
  );
});

Deno.test("simpleCommands() joins continued lines", () => {
  assertEquals(simpleCommands("a \\\n  --b c\nd"), [["a", "--b", "c"], ["d"]]);
});
