/**
 * The colours of timesteps, on trace pages and in docs/timesteps.svg: from noise to rest, with settled
 * slots marked. Orange and teal are told apart with any form of colour blindness.
 */

/** Colours on a light ground and on a dark one. */
export const TIMESTEP_COLOURS = {
  /** T - 1: nothing but noise. */
  noise: { light: "#f6bd8c", dark: "#82501f" },
  /** Next to no noise. */
  rest: { light: "#c9f0ed", dark: "#1c4b48" },
  /** The mark of a slot that has settled. */
  settled: { light: "#1f7a6d", dark: "#3fc3b0" },
} as const;

/** A colour between rest and noise, as #rrggbb. @param share 0 at rest, 1 at T - 1 */
export function timestepColour(share: number): string {
  const parts = (hex: string) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const { rest, noise } = TIMESTEP_COLOURS;
  const [from, to] = [parts(rest.light), parts(noise.light)];
  const mixed = from.map((part, i) => Math.round(part + share * (to[i]! - part)));
  return `#${mixed.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}
