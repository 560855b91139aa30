/**
 * Averages the weights of models of one network, such as runs that started from the same weights
 * ("model soups", Wortsman et al. 2022).
 *
 *     deno run --allow-read --allow-write scripts/average_models.ts OUTPUT MODEL MODEL...
 *
 * All but the weights is the last model's; they are stored as bfloat16. Averages are of float32 values.
 */
import { loadModelFolder, writeModelFolder } from "../src/denoiser/model_folder.ts";
import { toFloat32 } from "../src/denoiser/tensors.ts";

const [output, ...paths] = Deno.args;
if (output === undefined || paths.length < 2) {
  throw new Error("Give the folder to write and at least two model folders");
}
const folders = paths.map((path) => loadModelFolder(path));
const last = folders.at(-1)!;
const network = JSON.stringify(last.config.network);
const stranger = folders.findIndex(({ config }) => JSON.stringify(config.network) !== network);
if (stranger >= 0) throw new Error(`${paths[stranger]} has another network than ${paths.at(-1)}`);
writeModelFolder(output, {
  config: last.config,
  values: (name) => {
    const parts = folders.map(({ tensors }) => toFloat32(tensors.get(name)!));
    return parts[0]!.map((_, i) => parts.reduce((sum, part) => sum + part[i]!, 0) / parts.length);
  },
  dtype: "BF16",
  tokenizerJson: last.tokenizerJson,
});
