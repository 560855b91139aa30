/** The C ABI of libardiff_group (`native/include/ardiff_group.h`), in the style of `symbols.ts`. */

const error = ["buffer", "i32"] as const; // char* error, int32_t error_capacity

/** Declarations for `Deno.dlopen`. */
export const groupSymbols = {
  ardiff_group_abi_version: { parameters: [], result: "i32" },
  ardiff_group_create: {
    parameters: [
      "buffer", // const char* host
      "i32", // int32_t port
      "i32", // int32_t serve
      "buffer", // const char* session
      "i32", // int32_t rank
      "i32", // int32_t size
      "i32", // int32_t join_ms
      "i32", // int32_t timeout_ms
      "buffer", // ardiff_group** group
      ...error,
    ],
    result: "i32",
    nonblocking: true,
  },
  ardiff_group_free: {
    parameters: ["u64"], // ardiff_group* group
    result: "void",
  },
  ardiff_group_gather: {
    parameters: [
      "u64", // ardiff_group* group
      "buffer", // const void* mine
      "i64", // int64_t bytes
      "buffer", // void* all
      ...error,
    ],
    result: "i32",
    nonblocking: true,
  },
  ardiff_group_broadcast: {
    parameters: [
      "u64", // ardiff_group* group
      "buffer", // void* data
      "i64", // int64_t bytes
      ...error,
    ],
    result: "i32",
    nonblocking: true,
  },
  ardiff_group_add: {
    parameters: [
      "u64", // ardiff_group* group
      "buffer", // const float* data
      "i64", // int64_t count
      "i32", // int32_t contributors
      ...error,
    ],
    result: "i32",
    nonblocking: true,
  },
  ardiff_group_collect: {
    parameters: [
      "u64", // ardiff_group* group
      "buffer", // float* data
      "i64", // int64_t count
      ...error,
    ],
    result: "i32",
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;
