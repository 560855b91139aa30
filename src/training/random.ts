/** What random numbers of training are drawn for. */

/** Purposes of `Random`; streams of different ones are independent. */
export const Purpose = {
  dataOrder: 1,
  timesteps: 2,
  sourceDropout: 3,
  selfConditioning: 4,
  weights: 5,
} as const;
