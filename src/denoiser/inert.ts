/**
 * Objects that training programs save beside the weights, such as their options. Nothing of them is
 * called or read: each stands on the stack of the pickle's machine as a value without content.
 */

/** Stands for a Python class, function or object of no interest. */
export class Inert {
  constructor(readonly name: string) {}
}

/** Modules of which every name is harmless to have in a checkpoint. */
const MODULES = [
  "argparse",
  "collections",
  "datetime",
  "decimal",
  "enum",
  "fractions",
  "numpy",
  "omegaconf",
  "pathlib",
  "types",
  "uuid",
];

const NAMES = new Set([
  ...["set", "frozenset", "list", "dict", "tuple", "int", "float", "complex", "bool", "str"]
    .flatMap((name) => [`builtins.${name}`, `__builtin__.${name}`]),
  ...["bytes", "bytearray", "slice", "range", "object"]
    .flatMap((name) => [`builtins.${name}`, `__builtin__.${name}`]),
  "_codecs.encode",
  "copyreg._reconstructor",
  "copy_reg._reconstructor",
  "torch.device",
  "torch.float64",
  "torch.float32",
  "torch.float16",
  "torch.bfloat16",
  "torch.int64",
  "torch.int32",
  "typing.Any",
]);

/** Whether a name of Python may stand in a checkpoint without being understood. */
export function isHarmless(qualified: string): boolean {
  return NAMES.has(qualified) ||
    MODULES.some((module) => qualified === module || qualified.startsWith(`${module}.`));
}
