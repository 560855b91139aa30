/** The training section of the C ABI (`native/include/ardiff.h`), in the style of `symbols.ts`. */

const error = ["buffer", "i32"] as const; // char* error, int32_t error_capacity

/** Declarations for `Deno.dlopen`. */
export const trainerSymbols = {
  ardiff_trainer_create: {
    parameters: [
      "u64", // const ardiff_model* model
      "buffer", // const ardiff_trainer_config* config
      "buffer", // const float* schedule
      "buffer", // ardiff_trainer** trainer
      ...error,
    ],
    result: "i32",
    nonblocking: true,
  },
  ardiff_trainer_free: {
    parameters: ["u64"], // ardiff_trainer* trainer
    result: "void",
  },
  ardiff_trainer_batch: {
    parameters: [
      "u64", // ardiff_trainer* trainer
      "buffer", // const ardiff_training_options* options
      "buffer", // const int32_t* ids
      "buffer", // const uint8_t* mask
      "i32", // int32_t rows
      "i32", // int32_t length
      "buffer", // const int32_t* target_ids
      "buffer", // const int32_t* left_ids
      "buffer", // const uint8_t* key_mask
      "buffer", // const uint8_t* attention_mask
      "buffer", // const int32_t* positions
      "buffer", // const int32_t* timesteps
      "buffer", // const float* weights
      "i32", // int32_t slots
      "buffer", // const float* embedding_noise
      "buffer", // const float* diffusion_noise
      "buffer", // float* terms
      "buffer", // float* slot_terms
      ...error,
    ],
    result: "i32",
    nonblocking: true,
  },
  ardiff_trainer_update: {
    parameters: [
      "u64", // ardiff_trainer* trainer
      "buffer", // const ardiff_update_options* options
      "buffer", // double* gradient_norm
      "buffer", // int32_t* applied
      ...error,
    ],
    result: "i32",
    nonblocking: true,
  },
  ardiff_trainer_size: {
    parameters: ["u64"], // const ardiff_trainer* trainer
    result: "i64",
  },
  ardiff_trainer_read: {
    parameters: [
      "u64", // const ardiff_trainer* trainer
      "i32", // int32_t state
      "buffer", // float* data
      "i64", // int64_t count
      ...error,
    ],
    result: "i32",
  },
  ardiff_trainer_write: {
    parameters: [
      "u64", // ardiff_trainer* trainer
      "i32", // int32_t state
      "buffer", // const float* data
      "i64", // int64_t count
      ...error,
    ],
    result: "i32",
  },
  ardiff_trainer_take_gradients: {
    parameters: [
      "u64", // ardiff_trainer* trainer
      "buffer", // float* data
      "i64", // int64_t count
      ...error,
    ],
    result: "i32",
  },
  ardiff_trainer_export: {
    parameters: [
      "u64", // const ardiff_trainer* trainer
      "i32", // int32_t state
      "u64", // ardiff_model* model
      ...error,
    ],
    result: "i32",
  },
  ardiff_trainer_usage_read: {
    parameters: [
      "u64", // const ardiff_trainer* trainer
      "buffer", // ardiff_trainer_usage* usage
      ...error,
    ],
    result: "i32",
  },
} as const satisfies Deno.ForeignLibraryInterface;
