/** The decoding section of the C ABI (`native/include/ardiff.h`), in the style of `symbols.ts`. */

const error = ["buffer", "i32"] as const; // char* error, int32_t error_capacity

const create = [
  "u64", // ardiff_model* model
  "buffer", // const int32_t* ids
  "buffer", // const uint8_t* mask
  "i32", // int32_t sources
  "i32", // int32_t length
  "i32", // int32_t rows
  "buffer", // const int32_t* source_of_row
  "i32", // int32_t positions
  "i32", // int32_t flags
  "buffer", // ardiff_decoding** decoding
  ...error,
] as const;

const step = [
  "u64", // ardiff_decoding* decoding
  "i32", // int32_t rows
  "buffer", // const int32_t* row
  "buffer", // const int32_t* stream_count
  "buffer", // const int32_t* stream_ids
  "i32", // int32_t width
  "buffer", // const uint8_t* block
  "i32", // int32_t top
  "buffer", // int32_t* ids
  "buffer", // float* log_probability
  "buffer", // const int32_t* wanted
  "buffer", // float* wanted_log_probability
  ...error,
] as const;

const keep = [
  "u64", // ardiff_decoding* decoding
  "i32", // int32_t rows
  "buffer", // const int32_t* row
  "buffer", // const int32_t* keep
  "buffer", // const int32_t* left
  "buffer", // int32_t* draft
  "buffer", // float* draft_log_probability
  ...error,
] as const;

/**
 * Declarations for `Deno.dlopen`. Create, step and keep are there twice: handing a call to another
 * thread takes a tenth of a millisecond, more than a small call itself.
 */
export const decodingSymbols = {
  ardiff_decoding_create: { parameters: create, result: "i32", nonblocking: true },
  ardiff_decoding_create_now: {
    name: "ardiff_decoding_create",
    parameters: create,
    result: "i32",
  },
  ardiff_decoding_free: {
    parameters: ["u64"], // ardiff_decoding* decoding
    result: "void",
  },
  ardiff_decoding_step: { parameters: step, result: "i32", nonblocking: true },
  ardiff_decoding_step_now: { name: "ardiff_decoding_step", parameters: step, result: "i32" },
  ardiff_decoding_keep: { parameters: keep, result: "i32", nonblocking: true },
  ardiff_decoding_keep_now: { name: "ardiff_decoding_keep", parameters: keep, result: "i32" },
  ardiff_decoding_copy: {
    parameters: [
      "u64", // ardiff_decoding* decoding
      "i32", // int32_t count
      "buffer", // const int32_t* from_row
      "buffer", // const int32_t* to_row
      ...error,
    ],
    result: "i32",
  },
  ardiff_decoding_seconds: {
    parameters: [
      "u64", // const ardiff_decoding* decoding
      "buffer", // double* seconds
      ...error,
    ],
    result: "i32",
  },
} as const satisfies Deno.ForeignLibraryInterface;
