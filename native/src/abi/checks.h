// Checks that several parts of the ABI share.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/error.h"

namespace ardiff {

inline void check_range(const char* what, int64_t value, int64_t low, int64_t high) {
    if (value < low || value > high) {
        throw Error(ARDIFF_INVALID_ARGUMENT,
                    format("%s is %lld: expected %lld to %lld", what, static_cast<long long>(value),
                           static_cast<long long>(low), static_cast<long long>(high)));
    }
}

// Source ids and mask [S,L].
inline void check_sources(const int32_t* ids, const uint8_t* mask, int sources, int length,
                          int vocabulary) {
    for (int s = 0; s < sources; ++s) {
        bool any = false;
        for (int l = 0; l < length; ++l) {
            const ptrdiff_t at = static_cast<ptrdiff_t>(s) * length + l;
            if (mask[at] == 0) continue;
            any = true;
            if (ids[at] < 0 || ids[at] >= vocabulary) {
                throw Error(ARDIFF_INVALID_ARGUMENT,
                            format("Token id %d of source %d is outside the vocabulary of %d",
                                   ids[at], s, vocabulary));
            }
        }
        if (!any)
            throw Error(ARDIFF_INVALID_ARGUMENT, format("Source %d has no unmasked token", s));
    }
}

}  // namespace ardiff
