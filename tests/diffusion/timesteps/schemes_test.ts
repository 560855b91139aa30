import { assert, assertEquals, assertThrows } from "@std/assert";
import { TIMESTEP_SCHEMES } from "../../../src/diffusion/timesteps/schemes.ts";
import type { TimestepConfig } from "../../../src/diffusion/timesteps/scheme.ts";
import { UserError } from "../../../src/errors.ts";

const CONFIG: TimestepConfig = {
  steps: 10,
  noise_schedule: "sqrt",
  anchor_scale: 2,
  anchor_distance: null,
  learned_schedule: null,
};

Deno.test("every scheme goes from noise to nothing and never back", () => {
  for (const [name, scheme] of Object.entries(TIMESTEP_SCHEMES)) {
    for (const slots of [1, 2, 7]) {
      const timesteps = scheme.timesteps(CONFIG, slots);
      let above = new Int32Array(slots).fill(9);
      assertEquals(timesteps.at(timesteps.count - 1), above, name);
      for (let index = timesteps.count - 1; index >= 0; index--) {
        const now = timesteps.at(index);
        assert(now.every((timestep, slot) => timestep <= above[slot]! && timestep >= 0), name);
        assertEquals(timesteps.present(now), slots, name);
        above = now;
      }
      assertEquals(above, new Int32Array(slots), name);
      assertThrows(() => timesteps.at(timesteps.count), RangeError, "outside 0..");
    }
  }
});

Deno.test("every scheme draws rows that can be trained on", () => {
  for (const [name, scheme] of Object.entries(TIMESTEP_SCHEMES)) {
    const timesteps = scheme.timesteps(CONFIG, 5);
    for (const uniform of [0, 0.3, 1 - 2 ** -53]) {
      const draw = { leftToRightShare: null, targetLength: 3 };
      const row = timesteps.draw(() => uniform, draw);
      assertEquals([row.timesteps.length, row.present, row.settled], [5, 5, 0], name);
      assert(row.timesteps.every((timestep) => timestep >= 0 && timestep < 10), name);
    }
  }
});

Deno.test("sentence gives every slot the same timestep, and has no left-to-right phase", () => {
  const timesteps = TIMESTEP_SCHEMES.sentence.timesteps({ ...CONFIG, steps: 2000 }, 3);
  assertEquals(timesteps.count, 2000);
  assertEquals([...timesteps.at(1234)], [1234, 1234, 1234]);
  const draw = { leftToRightShare: null, targetLength: 3 };
  assertEquals(timesteps.draw(() => 0.5, draw).timesteps[0], 1000);
  assertThrows(
    () => timesteps.draw(() => 0.5, { ...draw, leftToRightShare: 0.2 }),
    UserError,
    "token-level",
  );
});

Deno.test("autoregressive settles one slot per index", () => {
  const timesteps = TIMESTEP_SCHEMES.autoregressive.timesteps(CONFIG, 3);
  assertEquals(timesteps.count, 4);
  const rows = [3, 2, 1, 0].map((i) => [...timesteps.at(i)]);
  assertEquals(rows, [[9, 9, 9], [0, 9, 9], [0, 0, 9], [0, 0, 0]]);
});

Deno.test("independent draws every slot's timestep by itself, and generates as token does", () => {
  const { token, independent } = TIMESTEP_SCHEMES;
  const timesteps = independent.timesteps(CONFIG, 4);
  const uniforms = [0.95, 0, 0.5, 0.31].values();
  const draw = { leftToRightShare: null, targetLength: 2 };
  const row = timesteps.draw(() => uniforms.next().value!, draw);
  assertEquals([...row.timesteps], [9, 0, 5, 3]);
  for (let index = 0; index < timesteps.count; index++) {
    assertEquals(timesteps.at(index), token.timesteps(CONFIG, 4).at(index));
  }
});

Deno.test("block leaves out blocks that have not started, and draws of those with tokens", () => {
  const config = { ...CONFIG, anchor_distance: 3 };
  const timesteps = TIMESTEP_SCHEMES.block.timesteps(config, 8);
  assertEquals(timesteps.count, 3 * 9 + 1);
  assertEquals(timesteps.present(timesteps.at(20)), 3);
  assertEquals(timesteps.present(timesteps.at(20), 2), 5);
  assertEquals(timesteps.present(timesteps.at(4)), 8);
  const draw = { leftToRightShare: null, targetLength: 5 };
  // Two blocks hold tokens: 0.75 is halfway through the second.
  const { present, settled, timesteps: drawn } = timesteps.draw(() => 0.75, draw);
  assertEquals([present, settled], [6, 3]);
  assertEquals([...drawn], [0, 0, 0, 5, 5, 5, 9, 9]);
  assertEquals(timesteps.draw(() => 0, draw).present, 3);
  assertEquals([...timesteps.draw(() => 1 - 2 ** -53, draw).timesteps.slice(3, 6)], [9, 9, 9]);
});
