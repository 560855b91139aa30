/**
 * Rows of which something is known while they go through the reverse process: the prediction of a known
 * slot is its token, whatever the network says, so that its latent is at every timestep what the forward
 * process makes of it; and no token is rounded to that a rule forbids. What changes of a step is added
 * to it behind: z is linear in x0_hat.
 */
import type { TokenTable } from "../denoiser/token_table.ts";
import { COEFFICIENTS_PER_SLOT } from "../diffusion/plan.ts";
import type { GenerationStep, NativeGeneration } from "../native/generation.ts";
import type { TokenRule } from "./token_rules.ts";

/** A row. */
interface ClampedRow {
  /** [N] token ids, -1 where none is known. */
  readonly known: Int32Array;
  readonly rule: TokenRule | undefined;
}

type Step = Omit<GenerationStep, "round">;

/** What rows are made of. */
interface ClampedRowsOptions {
  readonly table: TokenTable;
  /** Ids that do not stand before what is known behind them. */
  readonly special: readonly number[];
  readonly endId: number;
}

/** Keeps the rows of a batch to what is known. Rows are independent. */
export class ClampedRows {
  readonly #rows: readonly ClampedRow[];
  readonly #slots: number;
  readonly #options: ClampedRowsOptions;
  /** What each slot was last taken to be, -1 before, [R, N]. */
  readonly tokens: Int32Array<ArrayBuffer>;

  constructor(rows: readonly ClampedRow[], slots: number, options: ClampedRowsOptions) {
    this.#rows = rows;
    this.#slots = slots;
    this.#options = options;
    this.tokens = new Int32Array(rows.length * slots).fill(-1);
    for (const [row, { known }] of rows.entries()) this.tokens.set(known, row * slots);
  }

  /**
   * Takes a step and corrects what it made of the rows.
   *
   * @param take takes it; [R, N] the tokens of its predictions, -1 for slots left out
   * @param logProbability [R, N] theirs; 0 for what is known
   * @returns the tokens as they are then
   */
  async step(
    batch: NativeGeneration,
    step: Step,
    take: () => Promise<Int32Array | undefined>,
    logProbability: Float32Array | undefined,
  ): Promise<Int32Array> {
    const before = this.#read(batch);
    const predicted = (await take())!.slice();
    const after = this.#read(batch);
    const replaced = this.#judge(predicted, step, undefined);
    if (replaced.length > 0) {
      batch.write("z", before.z);
      batch.write("x0", before.x0);
      await batch.step({ ...step, round: false, predictOnly: true });
      const { x0 } = this.#read(batch);
      this.#judge(predicted, step, { x0, logProbability });
      batch.write("z", after.z);
    }
    const changed = new Set(replaced);
    for (const [at, token] of predicted.entries()) {
      const known = this.#knownAt(at);
      if (known !== -1) {
        predicted[at] = known;
        if (logProbability !== undefined) logProbability[at] = 0;
        changed.add(at);
      } else if (token !== -1 && this.#moves(step, at)) {
        this.tokens[at] = token;
      }
    }
    if (changed.size > 0) {
      this.#correct(after, step, changed, predicted);
      batch.write("z", after.z);
      batch.write("x0", after.x0);
    }
    return predicted;
  }

  #read(batch: NativeGeneration) {
    const size = this.tokens.length * this.#options.table.width;
    const states = { z: new Float32Array(size), x0: new Float32Array(size) };
    batch.read("z", states.z);
    batch.read("x0", states.x0);
    return states;
  }

  #knownAt(at: number): number {
    return this.#rows[Math.floor(at / this.#slots)]!.known[at % this.#slots]!;
  }

  #moves({ rows, atRest }: Step, at: number): boolean {
    return atRest[rows === 1 ? at % this.#slots : at] === 0;
  }

  /**
   * The places where a row, read from the left, has a token that may not be there.
   *
   * @param replace predictions before rounding: with them every such token becomes the best that may
   */
  #judge(
    predicted: Int32Array,
    step: Step,
    replace: { x0: Float32Array; logProbability: Float32Array | undefined } | undefined,
  ): number[] {
    const { special, endId, table } = this.#options;
    const places: number[] = [];
    for (const [row, { known, rule }] of this.#rows.entries()) {
      const last = known.findLastIndex((id) => id !== -1);
      const text: number[] = [];
      for (let slot = 0; slot < this.#slots; slot++) {
        const at = row * this.#slots + slot;
        const moves = this.#moves(step, at);
        let token = known[slot]!;
        if (token === -1) token = moves ? predicted[at]! : this.tokens[at]!;
        if (token === -1) break;
        if (known[slot] === -1 && moves) {
          const judge = rule?.(text);
          const may = (id: number) =>
            !(slot < last && special.includes(id)) &&
            (judge === undefined || judge(id) > -Infinity);
          if (!may(token)) {
            places.push(at);
            if (replace !== undefined) {
              const x0 = replace.x0.subarray(at * table.width, (at + 1) * table.width);
              token =
                predicted[at] =
                  best(step.byLogits ? table.logits(x0) : table.nearness(x0), may) ??
                    token;
              if (replace.logProbability) {
                replace.logProbability[at] = logSoftmax(table.logits(x0), token);
              }
            }
          }
        }
        if (token === endId) break;
        text.push(token);
      }
    }
    return places;
  }

  /** Moves latents of places as far as their predictions became others. */
  #correct(
    { z, x0 }: { z: Float32Array; x0: Float32Array },
    step: Step,
    places: ReadonlySet<number>,
    tokens: Int32Array,
  ): void {
    const { width } = this.#options.table;
    for (const at of places) {
      const place = step.rows === 1 ? at % this.#slots : at;
      const share = step.coefficients[place * COEFFICIENTS_PER_SLOT + 1]!;
      const embedding = this.#options.table.embedding(tokens[at]!);
      for (let c = 0; c < width; c++) {
        const i = at * width + c;
        z[i] = z[i]! + share * (embedding[c]! - x0[i]!);
        x0[i] = embedding[c]!;
      }
    }
  }
}

/** The best token that may be; undefined where none may. */
function best(scores: Float32Array, may: (id: number) => boolean): number | undefined {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  return order.find(may);
}

function logSoftmax(logits: Float32Array, id: number): number {
  const most = logits.reduce((a, b) => Math.max(a, b));
  const sum = logits.reduce((sum, value) => sum + Math.exp(value - most), 0);
  return logits[id]! - most - Math.log(sum);
}
