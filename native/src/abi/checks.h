// What the arguments of more than one function of ardiff.h must fulfil. Each check throws
// ARDIFF_INVALID_ARGUMENT, or what it says, with a sentence that gives the value.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

#include "core/error.h"
#include "core/parameters.h"

namespace ardiff {

inline void check_range(const char* what, int64_t value, int64_t low, int64_t high) {
    if (value < low || value > high) {
        throw Error(ARDIFF_INVALID_ARGUMENT,
                    format("%s is %lld: expected %lld to %lld", what, static_cast<long long>(value),
                           static_cast<long long>(low), static_cast<long long>(high)));
    }
}

// `below`: the value must be less than `high`; else it may equal it.
inline void check_number(const char* what, double value, double low, double high,
                         bool below = false) {
    if (!(value >= low && (below ? value < high : value <= high))) {
        throw Error(ARDIFF_INVALID_ARGUMENT, format("%s is %g: expected %g to %s%g", what, value,
                                                    low, below ? "less than " : "", high));
    }
}

// A struct whose first field must be its size.
template <class Struct>
const Struct& checked_struct(const Struct* given, const char* what) {
    if (given == nullptr) throw Error(ARDIFF_INVALID_ARGUMENT, format("%s are NULL", what));
    if (given->struct_size != static_cast<int32_t>(sizeof(Struct))) {
        throw Error(ARDIFF_INVALID_ARGUMENT, format("%s have struct_size %d: expected %zu", what,
                                                    given->struct_size, sizeof(Struct)));
    }
    return *given;
}

inline void check_device(int32_t device, int32_t index) {
    check_range("Device", device, ARDIFF_DEVICE_CPU, ARDIFF_DEVICE_CUDA);
    check_range("Device index", index, 0, 1 << 10);
}

inline ardiff_dtype checked_dtype(int32_t dtype) {
    check_range("Data type", dtype, ARDIFF_DTYPE_F32, ARDIFF_DTYPE_BF16);
    return static_cast<ardiff_dtype>(dtype);
}

// 0: one for each hardware thread.
inline int32_t checked_threads(int32_t threads) {
    check_range("Number of threads", threads, 0, 1 << 10);
    return threads != 0 ? threads
                        : static_cast<int32_t>(std::max(1u, std::thread::hardware_concurrency()));
}

// The first of `count` values that is not finite, or -1.
inline int64_t first_not_finite(const float* values, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        if (!std::isfinite(values[i])) return i;
    }
    return -1;
}

inline void check_count(const std::string& what, int64_t expected, int64_t given) {
    if (given != expected) {
        throw Error(ARDIFF_INVALID_ARGUMENT,
                    format("%s has %lld values, but %lld were given", what.c_str(),
                           static_cast<long long>(expected), static_cast<long long>(given)));
    }
}

// For text of `size` bytes and its terminator.
inline void check_capacity(const char* what, size_t size, int32_t capacity) {
    if (capacity <= static_cast<int32_t>(size)) {
        throw Error(ARDIFF_INVALID_ARGUMENT,
                    format("%s needs %zu bytes, but %d were given", what, size + 1, capacity));
    }
}

// `owner`, `row`: whose it is, if there are several.
inline void check_id(const char* what, int32_t id, int vocabulary, const char* owner = nullptr,
                     int row = 0) {
    if (id >= 0 && id < vocabulary) return;
    const std::string whose = owner == nullptr ? "" : format(" of %s %d", owner, row);
    throw Error(ARDIFF_INVALID_ARGUMENT, format("%s %d%s is outside the vocabulary of %d", what, id,
                                                whose.c_str(), vocabulary));
}

// Every row of ids and mask [rows,length] has a token, and those that count lie in the vocabulary.
inline void check_sources(const int32_t* ids, const uint8_t* mask, int rows, int length,
                          int vocabulary) {
    for (int row = 0; row < rows; ++row) {
        bool any = false;
        for (int l = 0; l < length; ++l) {
            const ptrdiff_t at = static_cast<ptrdiff_t>(row) * length + l;
            if (mask[at] == 0) continue;
            any = true;
            check_id("Token id", ids[at], vocabulary, "source", row);
        }
        if (!any)
            throw Error(ARDIFF_INVALID_ARGUMENT, format("Source %d has no unmasked token", row));
    }
}

// ARDIFF_INVALID_STATE where a tensor has no values yet.
inline void check_written(const Parameters& parameters) {
    for (size_t i = 0; i < parameters.written.size(); ++i) {
        if (!parameters.written[i]) {
            throw Error(ARDIFF_INVALID_STATE,
                        "Tensor " + parameters.layout.entries()[i].name + " has not been written");
        }
    }
}

}  // namespace ardiff
