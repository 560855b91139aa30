/** Ranks that differ would train different models: they are compared before anything else. */
import { ExitCode, UserError } from "../errors.ts";
import { describeLibrary } from "../native/library_info.ts";
import { VERSION } from "../version.ts";
import { currentCommit } from "./commit.ts";
import type { TrainingConfig } from "./config.ts";
import type { ProcessGroup } from "./process_group.ts";

/** What must be the same on all ranks, by its name in messages. */
type Setup = Readonly<Record<string, string>>;

/** The setup of this process. @param last the last step */
export function setupOf(config: TrainingConfig, last: number): Setup {
  const { libtorch, instruction_set } = describeLibrary();
  const options = Object.entries(config).flatMap(([section, values]) =>
    Object.entries(values ?? {}).map(([name, value]) => [
      `${section}.${name}`,
      JSON.stringify(value),
    ])
  );
  return {
    "version of ardiff": VERSION,
    "commit of ardiff": currentCommit() ?? "unknown",
    "version of libtorch": libtorch,
    "instruction set": instruction_set,
    ...Object.fromEntries(options),
    "last step": String(last),
  };
}

/**
 * Compares the setups of all ranks.
 *
 * @throws {UserError} on all of them, with the first difference
 */
export async function expectSameSetup(group: ProcessGroup, setup: Setup): Promise<void> {
  const setups: Setup[] = (await group.gatherTexts(JSON.stringify(setup)))
    .map((json) => JSON.parse(json));
  const [first = setup, ...others] = setups;
  for (const [index, other] of others.entries()) {
    const name = Object.keys({ ...first, ...other }).find((name) => first[name] !== other[name]);
    if (name === undefined) continue;
    throw new UserError(
      ExitCode.ranks,
      `Cannot train with ranks that differ: the ${name} is ${
        first[name] ?? "absent"
      } on rank 0 and ` +
        `${other[name] ?? "absent"} on rank ${index + 1}; start the same program with the same ` +
        "configuration on machines of one kind",
    );
  }
}

/**
 * Compares a text of all ranks.
 *
 * @throws {UserError} on all of them where one differs
 */
export async function expectSameWeights(
  group: ProcessGroup,
  step: number,
  hash: () => string,
): Promise<void> {
  if (group.size === 1) return;
  const hashes = await group.gatherTexts(hash());
  const rank = hashes.findIndex((found) => found !== hashes[0]);
  if (rank < 0) return;
  throw new UserError(
    ExitCode.ranks,
    `Cannot go on from step ${step}: the weights of rank ${rank} are not those of rank 0, as after ` +
      "an error of a machine; start all ranks again with --resume",
  );
}
