/** What options of several sections may be, and where defaults come from. */
import { type FieldType, integer, number, oneOf } from "../../host/json_fields.ts";

/** Where a default comes from. */
export const PAPER = "AR-Diffusion (CommonGen)";
export const REFERENCE = "AR-Diffusion, its implementation";
export const OURS = "ardiff";

/** A path of a file or folder. */
export const path: FieldType<string> = {
  expected: "a path",
  accepts: (value): value is string => typeof value === "string" && value !== "",
};
export const dtypes = oneOf(["f32", "bf16"]);
export const share = number(0, 1);
export const count = integer(1, 2 ** 31 - 1);
export const countOrNever = integer(0, 2 ** 31 - 1);
