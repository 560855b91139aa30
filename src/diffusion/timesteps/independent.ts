/**
 * Independent timesteps (Diffusion Forcing, Chen et al. 2024): training draws one for every slot by
 * itself, so that generation may take any way from noise to text. It takes the paper's here, in which
 * left slots are ahead of right ones.
 */
import { type DrawOptions, refuseShare, type RowTimesteps, type TimestepScheme } from "./scheme.ts";
import { TokenTimesteps } from "./token.ts";

class IndependentTimesteps extends TokenTimesteps {
  override draw(next: () => number, { leftToRightShare }: DrawOptions): RowTimesteps {
    if (leftToRightShare !== null) refuseShare(leftToRightShare);
    const { slots, steps } = this;
    const timesteps = Int32Array.from({ length: slots }, () => Math.floor(next() * steps));
    return { timesteps, present: slots, settled: 0 };
  }
}

/** The row of the table. */
export const independent: TimestepScheme = {
  timesteps: (config, slots) => new IndependentTimesteps(config, slots),
};
