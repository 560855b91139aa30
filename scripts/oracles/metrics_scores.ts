/**
 * The Deno side of metrics_compare.py: reads `[[hypothesis, [reference, ...]], ...]` as JSON from
 * the file named and prints as JSON every score that is compared.
 *
 *     deno run --allow-read=pairs.json scripts/oracles/metrics_scores.ts pairs.json
 */
import { namedScores, type Pair, setScores } from "../../tests/metrics/oracle_scores.ts";

const [path] = Deno.args;
const pairs: Pair[] = JSON.parse(await Deno.readTextFile(path!));
const report = JSON.stringify({ scores: [...namedScores(pairs)], ...setScores(pairs) });
await new Blob([report]).stream().pipeTo(Deno.stdout.writable);
