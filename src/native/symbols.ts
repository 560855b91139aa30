/**
 * Every symbol of the C ABI (`native/include/ardiff.h`), each parameter with its C type.
 *
 * Handles travel as `u64`: an opaque pointer and a 64-bit integer are passed alike, and integers
 * need no `Deno.UnsafePointer`, hence no permission beyond loading this one library. Calls that
 * compute are nonblocking, so that timers, signals and progress live on meanwhile; getters block.
 */
import { decodingSymbols } from "./decoding_symbols.ts";
import { trainerSymbols } from "./trainer_symbols.ts";

const error = ["buffer", "i32"] as const; // char* error, int32_t error_capacity

/** Declarations for `Deno.dlopen`. */
export const symbols = {
  ardiff_abi_version: { parameters: [], result: "i32" },
  ardiff_describe: {
    parameters: [
      "buffer", // char* json
      "i32", // int32_t capacity
      ...error,
    ],
    result: "i32",
  },

  ardiff_model_create: {
    parameters: [
      "buffer", // const ardiff_network_config* config
      "buffer", // ardiff_model** model
      ...error,
    ],
    result: "i32",
  },
  ardiff_model_free: {
    parameters: ["u64"], // ardiff_model* model
    result: "void",
  },
  ardiff_model_tensor_count: {
    parameters: ["u64"], // const ardiff_model* model
    result: "i32",
  },
  ardiff_model_tensor_info: {
    parameters: [
      "u64", // const ardiff_model* model
      "i32", // int32_t index
      "buffer", // char* name
      "i32", // int32_t name_capacity
      "buffer", // int32_t* shape
      "buffer", // int32_t* dimensions
      ...error,
    ],
    result: "i32",
  },
  ardiff_model_write_tensor: {
    parameters: [
      "u64", // ardiff_model* model
      "i32", // int32_t index
      "buffer", // const float* data
      "i32", // int32_t count
      ...error,
    ],
    result: "i32",
  },
  ardiff_model_read_tensor: {
    parameters: [
      "u64", // const ardiff_model* model
      "i32", // int32_t index
      "buffer", // float* data
      "i32", // int32_t count
      ...error,
    ],
    result: "i32",
  },
  ardiff_model_prepare: {
    parameters: [
      "u64", // ardiff_model* model
      "i32", // int32_t device
      "i32", // int32_t device_index
      "i32", // int32_t dtype
      "i32", // int32_t threads
      ...error,
    ],
    result: "i32",
    nonblocking: true,
  },

  ardiff_generation_create: {
    parameters: [
      "u64", // ardiff_model* model
      "buffer", // const int32_t* ids
      "buffer", // const uint8_t* mask
      "i32", // int32_t sources
      "i32", // int32_t length
      "i32", // int32_t candidates
      "i32", // int32_t first_candidate
      "i32", // int32_t slots
      "u64", // uint64_t seed
      "f32", // float noise_scale
      "i32", // int32_t flags
      "buffer", // ardiff_generation** generation
      ...error,
    ],
    result: "i32",
    nonblocking: true,
  },
  ardiff_generation_free: {
    parameters: ["u64"], // ardiff_generation* generation
    result: "void",
  },
  ardiff_generation_step: {
    parameters: [
      "u64", // ardiff_generation* generation
      "i32", // int32_t step
      "i32", // int32_t plan_rows
      "buffer", // const float* timesteps
      "buffer", // const float* input_scale
      "buffer", // const float* coefficients
      "buffer", // const uint8_t* at_rest
      "i32", // int32_t flags
      "buffer", // const float* noise
      "buffer", // int32_t* nearest
      "buffer", // float* log_probability
      ...error,
    ],
    result: "i32",
    nonblocking: true,
  },
  ardiff_generation_shrink: {
    parameters: [
      "u64", // ardiff_generation* generation
      "buffer", // const int32_t* active
      ...error,
    ],
    result: "i32",
  },
  ardiff_generation_present: {
    parameters: [
      "u64", // ardiff_generation* generation
      "i32", // int32_t slots
      ...error,
    ],
    result: "i32",
  },
  ardiff_generation_tokens: {
    parameters: [
      "u64", // ardiff_generation* generation
      "i32", // int32_t state
      "buffer", // int32_t* ids
      "buffer", // float* log_probability
      ...error,
    ],
    result: "i32",
    nonblocking: true,
  },
  ardiff_generation_read: {
    parameters: [
      "u64", // ardiff_generation* generation
      "i32", // int32_t state
      "buffer", // float* data
      "i64", // int64_t count
      ...error,
    ],
    result: "i32",
  },
  ardiff_generation_write: {
    parameters: [
      "u64", // ardiff_generation* generation
      "i32", // int32_t state
      "buffer", // const float* data
      "i64", // int64_t count
      ...error,
    ],
    result: "i32",
  },
  ardiff_generation_seconds: {
    parameters: [
      "u64", // const ardiff_generation* generation
      "buffer", // double* seconds
      ...error,
    ],
    result: "i32",
  },

  ardiff_philox: {
    parameters: [
      "buffer", // const uint32_t* counter
      "buffer", // const uint32_t* key
      "buffer", // uint32_t* output
      ...error,
    ],
    result: "i32",
  },
  ardiff_noise_key: {
    parameters: [
      "u64", // uint64_t seed
      "buffer", // const int32_t* ids
      "i32", // int32_t count
      "buffer", // uint32_t* key
      ...error,
    ],
    result: "i32",
  },
  ardiff_choose_kernels: {
    parameters: [
      "buffer", // const char* name
      ...error,
    ],
    result: "i32",
  },
  ardiff_time_matmul: {
    parameters: [
      "i32", // int32_t rows
      "i32", // int32_t columns
      "i32", // int32_t inner
      "i32", // int32_t dtype
      "i32", // int32_t repeats
      "buffer", // double* seconds
      ...error,
    ],
    result: "i32",
  },

  ...decodingSymbols,
  ...trainerSymbols,
} as const satisfies Deno.ForeignLibraryInterface;
