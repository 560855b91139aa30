/*
 * ardiff_group.h — the C ABI of libardiff_group: processes that train together.
 *
 * A group is `size` processes, each with a rank, that call the same functions in the same order.
 * It stands on libtorch's c10d (a TCPStore to meet at, ProcessGroupGloo to talk over), and is a
 * library of its own, so that a libtorch without c10d still loads the shim.
 *
 * The conventions are those of ardiff.h: codes and one sentence, buffers of the caller, no
 * exception across the ABI. A call that fails leaves the group useless: free it and end. Calls on
 * one group must not overlap.
 */
#ifndef ARDIFF_GROUP_H
#define ARDIFF_GROUP_H

#include "ardiff.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a signature below changes its meaning. */
#define ARDIFF_GROUP_ABI_VERSION 2

ARDIFF_API int32_t ardiff_group_abi_version(void);

typedef struct ardiff_group ardiff_group;

/*
 * Meets the other ranks and connects to each of them.
 *
 *   host, port      where the store is
 *   serve           1: this process serves the store; 0: another one does, as torchrun's agent
 *   session         tells this start of a job from earlier ones that met at the same store
 *   rank, size      0 <= rank < size, size >= 2
 *   join_ms         how long to wait for the others to come
 *   timeout_ms      how long to wait for a rank that does not answer in a later call
 *
 * ARDIFF_INVALID_STATE where ranks were missing, came twice, or were started with another size; the
 * sentence names them.
 */
ARDIFF_API int32_t ardiff_group_create(const char* host, int32_t port, int32_t serve,
                                       const char* session, int32_t rank, int32_t size,
                                       int32_t join_ms, int32_t timeout_ms, ardiff_group** group,
                                       char* error, int32_t error_capacity);
ARDIFF_API void ardiff_group_free(ardiff_group* group);

/* all [size, bytes] := what each rank gives in mine [bytes], in the order of ranks. */
ARDIFF_API int32_t ardiff_group_gather(ardiff_group* group, const void* mine, int64_t bytes,
                                       void* all, char* error, int32_t error_capacity);

/* data [bytes] := that of rank 0. */
ARDIFF_API int32_t ardiff_group_broadcast(ardiff_group* group, void* data, int64_t bytes,
                                          char* error, int32_t error_capacity);

/*
 * Adds `data` [count] of the first `contributors` ranks, one rank after the other, to the
 * group's running sum, which begins with the first of them: after calls with x0 x1, x2 x3, an
 * element of the sum is ((x0 + x1) + x2) + x3 in float32, whatever the number of ranks. `count`
 * must be the same from call to call, and `data` of the other ranks is not looked at.
 */
ARDIFF_API int32_t ardiff_group_add(ardiff_group* group, const float* data, int64_t count,
                                    int32_t contributors, char* error, int32_t error_capacity);

/* data [count] := the running sum, on every rank; the next call of ardiff_group_add begins anew. */
ARDIFF_API int32_t ardiff_group_collect(ardiff_group* group, float* data, int64_t count,
                                        char* error, int32_t error_capacity);

#ifdef __cplusplus
}
#endif
#endif
