/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/** A thread that selects for one input after another. It reads, writes and fetches nothing. */

import type { Reply, Request } from "./messages.ts";
import { select } from "./select.ts";

self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
  const { id, candidates, options } = data;
  try {
    const reply: Reply = { id, selection: select(candidates, options) };
    self.postMessage(reply);
  } catch (error) {
    const reply: Reply = { id, error };
    self.postMessage(reply);
  }
});
