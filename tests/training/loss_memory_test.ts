import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { PAPER_PROCESS, processOf } from "../../src/diffusion/process.ts";
import { parseTrainingConfig } from "../../src/training/config.ts";
import { lossesOf, LossMemory } from "../../src/training/loss_memory.ts";
import { LossSecondMoment } from "../../src/training/loss_second_moment.ts";
import { PositionLosses } from "../../src/training/position_losses.ts";
import { ALONE } from "../../src/training/process_group.ts";
import { SAMPLE_CONFIG } from "../denoiser/sample_config.ts";

const DATA = '[data.train]\nformat = "tsv"\nfile = "train.tsv"';

/** The memory of a run of some settings. */
function memoryOf(...settings: string[]): LossMemory | undefined {
  const config = parseTrainingConfig(DATA, "run.toml", settings);
  const { left_to_right_share: _, ...diffusion } = config.diffusion;
  return LossMemory.of(config, {
    ...SAMPLE_CONFIG,
    diffusion: { ...diffusion, learned_schedule: null },
  });
}

/** A sampler that has seen losses which grow with the timestep, ten of each group. */
function warmSampler(groups: number): LossSecondMoment {
  const sampler = new LossSecondMoment(groups, new Float32Array(LossSecondMoment.size(groups)));
  for (let i = 0; i < 10 * groups; i++) {
    sampler.add((i % groups + 0.5) / groups, 0.1 + (i % groups) ** 2);
  }
  return sampler;
}

Deno.test("LossSecondMoment draws uniformly until every group has ten losses", () => {
  const sampler = new LossSecondMoment(3, new Float32Array(LossSecondMoment.size(3)));
  for (let i = 0; i < 29; i++) {
    sampler.add((i % 3 + 0.5) / 3, 5 * (i % 3));
    assertEquals(sampler.placeOf(0.123), 0.123);
    assertEquals(sampler.weightAt(0.9), 1);
  }
  sampler.add(0.9, 10);
  assert(sampler.placeOf(0.123) > 0.3, "groups with greater losses have most of the draws");
});

Deno.test("LossSecondMoment's weights make means those of uniform draws", () => {
  const sampler = warmSampler(7);
  const draws = 100_000;
  const means = { drawn: 0, weighted: 0, weights: 0 };
  for (let i = 0; i < draws; i++) {
    const place = sampler.placeOf((i + 0.5) / draws);
    const loss = Math.exp(3 * place);
    means.drawn += loss / draws;
    means.weighted += loss * sampler.weightAt(place) / draws;
    means.weights += sampler.weightAt(place) / draws;
  }
  const uniform = (Math.exp(3) - 1) / 3;
  assertAlmostEquals(means.weighted, uniform, 1e-3 * uniform);
  assertAlmostEquals(means.weights, 1, 1e-3);
  assert(means.drawn > 1.5 * uniform, "without weights it is another mean");
});

Deno.test("LossSecondMoment draws each group as often as its losses say", () => {
  const sampler = warmSampler(5);
  const counts = new Float64Array(5);
  for (let i = 0; i < 10_000; i++) {
    const place = sampler.placeOf(i / 10_000);
    assert(place >= 0 && place < 1);
    counts[Math.floor(5 * place)]! += 1 / 10_000;
  }
  sampler.probabilities.forEach((share, group) => {
    assertAlmostEquals(counts[group]!, share, 1e-3);
  });
});

Deno.test("PositionLosses makes the loss of every position grow evenly", () => {
  const { schedule: { alphaBar } } = processOf(PAPER_PROCESS);
  const options = { groups: 50, positions: 2, every: 1, alphaBar };
  const losses = new PositionLosses(options, new Float32Array(PositionLosses.size(options)));
  assertEquals(losses.schedule, null);
  // One position's loss rises as the noise does, the other's at the end.
  const lossAt = (position: number, timestep: number) =>
    position === 0 ? 1 - alphaBar[timestep]! : (1 - alphaBar[timestep]!) ** 4;
  for (let t = 0; t < 2000; t++) {
    for (let time = 0; time < 5; time++) losses.add(t / 2000, [lossAt(0, t), lossAt(1, t)]);
  }
  losses.renew();
  const learned = processOf({
    ...PAPER_PROCESS,
    timesteps: "learned",
    learned_schedule: losses.schedule,
  }).timesteps(3);
  for (const position of [0, 1]) {
    const [first, last] = [lossAt(position, 0), lossAt(position, 1999)];
    for (let t = 100; t < 2000; t += 100) {
      const even = first + (last - first) * t / 1999;
      assertAlmostEquals(lossAt(position, learned.at(t)[position]!), even, 0.05);
    }
  }
  const [one, two, beyond] = learned.at(1000);
  assert(one! < 1000 && two! > 1000, `${one} ${two}`);
  assertEquals(beyond, two);
});

Deno.test("PositionLosses comes with a schedule every so many updates, first after three times as many", () => {
  const options = { groups: 2, positions: 1, every: 20, alphaBar: Float64Array.of(0.9, 0.1) };
  const losses = new PositionLosses(options, new Float32Array(PositionLosses.size(options)));
  const due = Array.from({ length: 101 }, (_, update) => update).filter((u) => losses.isDue(u));
  assertEquals(due, [60, 80, 100]);
});

Deno.test("LossMemory.of() remembers where something is to be", () => {
  assertEquals(memoryOf(), undefined);
  assertEquals(memoryOf("training.timestep_sampler=loss_second_moment")!.state.length, 2000 * 11);
  const slots = SAMPLE_CONFIG.text.target_slots;
  assertEquals(
    memoryOf("diffusion.timesteps=learned")!.state.length,
    2 * slots * 100 + 2 * slots * 102,
  );
});

Deno.test("LossMemory goes on from its state as if nothing had been", async () => {
  const settings = [
    "diffusion.timesteps=learned",
    "training.timestep_sampler=loss_second_moment",
    "training.loss_groups=4",
    "training.schedule_every=2",
  ];
  const [whole, parts] = [memoryOf(...settings)!, memoryOf(...settings)!];
  let resumed = parts;
  for (let step = 1; step <= 12; step++) {
    const rows = Array.from({ length: 8 }, (_, i) => ({
      place: (0.37 * step + 0.125 * i) % 1,
      loss: 1 + i / step,
      squaredErrors: [i / 8, step / 12],
    }));
    for (const memory of [whole, resumed]) await memory.add(step, new Map([[0, rows]]), ALONE);
    const again = memoryOf(...settings)!;
    again.restore(resumed.state);
    resumed = again;
    assertEquals(resumed.placeOf(0.3), whole.placeOf(0.3));
    assertEquals(resumed.model.diffusion, whole.model.diffusion);
  }
  assert(whole.placeOf(0.3) !== 0.3);
  assert(whole.model.diffusion.learned_schedule !== null);
});

Deno.test("lossesOf() takes means over slots by their weights, and errors of tokens alone", () => {
  const terms = Float32Array.from({ length: 6 * 6 }, (_, i) => i);
  const batch = {
    rows: 2,
    slots: 3,
    length: 0,
    ids: new Int32Array(0),
    mask: new Uint8Array(0),
    targetIds: new Int32Array(6),
    timesteps: Int32Array.of(0, 5, 5, 3, 3, 3),
    weights: Float32Array.of(1, 1, 0.5, 1, 0, 0),
  };
  const drawn = [{ place: 0.5, tokens: 2 }, { place: 0.25, tokens: 1 }];
  assertEquals(lossesOf(batch, drawn, terms), [
    { place: 0.5, loss: (0 + 1 + 1) / 2.5, squaredErrors: [30, 25] },
    { place: 0.25, loss: 3, squaredErrors: [27] },
  ]);
});
