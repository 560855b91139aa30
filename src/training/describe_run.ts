/** What a run is, in a few lines for people. */
import { parameterCounts } from "../denoiser/parameters.ts";
import { describeLibrary } from "../native/library_info.ts";
import type { Device } from "../native/model.ts";
import type { TrainingConfig } from "./config.ts";
import type { Run } from "./run.ts";

/** What the network is computed in: on a CPU, bfloat16 takes AMX. */
function arithmeticOf({ training: { dtype } }: TrainingConfig, { kind }: Device): string {
  return dtype === "bf16" && kind === "cpu" && describeLibrary().instruction_set !== "amx"
    ? "f32 (bf16 takes AMX, which this CPU lacks)"
    : dtype;
}

/** Data, size, device, and what was left out or cut of the data. */
export function describeRun({ config, model, pairs: all, start, place, group }: Run): string {
  const { pairs, leftOut, cutSources, cutTargets, longestSource, longestTarget } = all.summary;
  const count = (value: number) => value.toLocaleString("en");
  const cut = (side: string, number: number, limit: number, longest: number) =>
    number === 0
      ? []
      : [`${count(number)} ${side} were cut to ${limit} tokens; the longest has ${longest}.`];
  return [
    `${count(pairs)} pairs, ${count(parameterCounts(model.network).total)} parameters, on ` +
    `${place.device.kind} in ${arithmeticOf(config, place.device)}.`,
    ...(leftOut === 0 ? [] : [`Pairs with an empty side, which are left out: ${count(leftOut)}.`]),
    ...cut("sources", cutSources, config.text.max_source_tokens, longestSource),
    ...cut("targets", cutTargets, config.text.target_slots, longestTarget),
    ...(group.size === 1 ? [] : [`${group.size} ranks share the micro-batches of an update.`]),
    ...(start.step === 0 ? [] : [`Going on from step ${count(start.step)}.`]),
  ].join("\n");
}
