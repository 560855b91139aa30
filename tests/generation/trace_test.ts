import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { SamplingPlan } from "../../src/diffusion/plan.ts";
import type { GenerationResult } from "../../src/generation/generate.ts";
import { draftTrace } from "../../src/generation/draft_trace.ts";
import { settlingCalls, type Trace, TraceRecorder } from "../../src/generation/trace.ts";
import { PAGE_END, pageSection, pageStart } from "../../src/generation/trace_html.ts";
import { traceAsText } from "../../src/generation/trace_text.ts";

const WORDS = [" a", " dog", "</s>", " <b>", "\n", "<pad>"];
const tokenText = (id: number) => WORDS[id]!;

const MODEL = { tokenText, padId: 5, steps: 100 };

const TRACE: Trace = {
  calls: 3,
  slots: 4,
  tokens: Int32Array.of(1, 0, 2, 3, 0, 1, 2, 4, 0, 1, 2, -1),
  timesteps: Int32Array.of(99, 99, 99, 99, 40, 50, 60, 70, 0, 10, 20, 30),
};
const RESULT: GenerationResult = {
  source: "dog & <i>",
  text: "a dog",
  chosen: 1,
  candidates: [{ text: "not this one", calls: 5 }, { text: "a dog", calls: 5, trace: TRACE }],
  calls: 3,
  truncated: false,
};

Deno.test("settlingCalls() gives the call from which on a slot keeps its token", () => {
  assertEquals([...settlingCalls(TRACE)], [1, 1, 0, 1]);
});

Deno.test("TraceRecorder.record() keeps tokens of slots that have arrived", () => {
  const plan = {
    evaluations: 3,
    slots: 2,
    from: Int32Array.of(9, 9, 0, 9, 0, 5),
    atRest: Uint8Array.of(0, 1, 1, 1, 1, 0),
  } as unknown as SamplingPlan;
  const recorder = new TraceRecorder(2, plan);
  recorder.record(0, Int32Array.of(1, 2, 3, 4));
  recorder.record(1, Int32Array.of(5, 6, 7, 8));
  recorder.record(2, Int32Array.of(5, 9, 7, -1));
  assertEquals(recorder.traces.map(({ tokens }) => [...tokens]), [
    [1, 2, 1, 6, 1, 9],
    [3, 4, 3, 8, 3, -1],
  ]);
});

Deno.test("traceAsText() shows a row per call and marks tokens that stay", () => {
  assertEquals(
    traceAsText(RESULT, tokenText),
    `dog & <i>
call, timesteps of the first and the last slot, tokens
1 99..99 dog a    *</s> <b>
2 40..70 *a  *dog *</s> *␣
3 0..30  *a  *dog *</s> -
= a dog

`,
  );
});

Deno.test("traceAsText() shows a blank line's empty result", () => {
  const blank = { ...RESULT, source: "", text: "", chosen: 0 };
  assertEquals(traceAsText(blank, tokenText), "\n= \n\n");
});

Deno.test("pageSection() shows a cell per slot and call, coloured by timestep", () => {
  const html = pageSection(RESULT, MODEL);
  assertStringIncludes(html, "<h2>dog &amp; &lt;i&gt;</h2>");
  assertEquals(html.match(/<td/g)?.length, 12);
  assertEquals(html.match(/class="settled"/g)?.length, 8);
  assertEquals(html.match(/class="absent"/g)?.length, 1);
  assertStringIncludes(html, "--t:100%");
  assertStringIncludes(html, 'title="slot 2, call 3, timestep 10">dog');
  assertStringIncludes(html, "&lt;b&gt;");
  assertStringIncludes(html, "<b>a dog</b>");
});

Deno.test("pageSection() shows padding as a dot, which is settled or not", () => {
  const trace = { ...TRACE, tokens: Int32Array.of(1, 0, 2, 5, 0, 1, 5, 5, 0, 1, 2, 5) };
  const html = pageSection({
    ...RESULT,
    candidates: [{ text: "a dog", calls: 5, trace }],
    chosen: 0,
  }, MODEL);
  assertEquals(html.match(/class="settled padding"[^>]*>·\n/g)?.length, 3);
  assertEquals(html.match(/class="padding"[^>]*>·</g)?.length, 1);
  assert(!html.includes("pad&gt;"));
});

Deno.test("pageStart() begins a page that needs nothing else", () => {
  const page = pageStart("A & B") + pageSection(RESULT, MODEL) + PAGE_END;
  assertStringIncludes(page, "<title>A &amp; B</title>");
  assert(!/https?:|src=|<link|@import|url\(/.test(page));
});

Deno.test("draftTrace() tells what settled, how probable it was, and which drafts were rejected", () => {
  const trace = draftTrace({
    moments: [
      { settled: 1, draft: [1, 3] },
      { settled: 3, draft: [0] },
      { settled: 5, draft: [] },
    ],
    tokens: [0, 1, 4, 0, 2],
    tokenLogProbabilities: [NaN, Math.log(0.5), Math.log(0.25), 0, 0],
  }, 100);
  assertEquals([trace.calls, trace.slots], [3, 5]);
  assertEquals([...trace.tokens], [0, 1, 3, -1, -1, 0, 1, 4, 0, -1, 0, 1, 4, 0, 2]);
  assertEquals([...trace.timesteps.subarray(5, 10)], [0, 0, 0, 99, 99]);
  // The first draft was right in slot 1 and wrong in slot 2; the second was right.
  assertEquals([...trace.rejected!], [-1, -1, -1, -1, -1, -1, -1, 3, -1, -1, -1, -1, -1, -1, -1]);
  assertEquals([...trace.probabilities!].map((p) => Number(p.toFixed(3))), [NaN, 0.5, 0.25, 1, 1]);
});

Deno.test("pageSection() shows probabilities of settled tokens, rejected drafts and the candidate", () => {
  const trace: Trace = {
    ...TRACE,
    probabilities: Float32Array.of(0.5, 0.75, NaN, 1),
    rejected: Int32Array.from(TRACE.tokens, (_, i) => i === 5 ? 3 : -1),
  };
  const candidates = [{ text: "no", calls: 9 }, { text: "a dog", calls: 3, trace }];
  const html = pageSection({ ...RESULT, candidates }, MODEL);
  assertStringIncludes(html, 'title="slot 1, call 2, timestep 40, probability 0.500">a');
  assertStringIncludes(html, 'title="slot 1, call 1, timestep 99">dog');
  assertStringIncludes(html, 'title="slot 3, call 1, timestep 99">&lt;/s&gt;');
  assertStringIncludes(html, ">dog <s>&lt;b&gt;</s>");
  assertStringIncludes(html, "candidate 2 of 2, 3 network calls");
});

Deno.test("pageSection() marks calls that change nothing, which the page leaves out", () => {
  const tokens = Int32Array.of(0, 1, 0, 1, 0, 1, 0, 2, 0, 2);
  const trace: Trace = { calls: 5, slots: 2, tokens, timesteps: tokens.map(() => 9) };
  const candidates = [{ text: "a", calls: 5, trace }];
  const html = pageSection({ ...RESULT, candidates, chosen: 0 }, MODEL);
  const same = [...html.matchAll(/<tr( class="same")?><th>(\d)/g)].map(([, same, call]) =>
    same ? [call] : []
  ).flat();
  assertEquals(same, ["2", "3"]);
  assertStringIncludes(pageStart("x"), "tr.same { display: none; }");
});

Deno.test("pageStart() says what the sentences were made with", () => {
  const page = pageStart("T", { model: "a<b", steps: "5", seed: "0" });
  assertStringIncludes(page, "<p>model a&lt;b, steps 5, seed 0</p>");
});
