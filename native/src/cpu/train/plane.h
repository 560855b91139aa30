// Matrices of activations and the memory they are taken from.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/parameters.h"
#include "cpu/kernels/kernels.h"

namespace ardiff::training {

using namespace cpu;

template <class T>
struct Plane {
    T* data = nullptr;
    int stride = 0;

    T* row(int64_t r) const { return data + r * stride; }
    // The columns from `column` on.
    Plane from(int column) const { return {data + column, stride}; }
};

// Memory in one piece, handed out in order; all zeros at first. Planes have the spare rows and the
// strides that kernels ask for. Counts first (without memory), then takes.
class Arena {
  public:
    template <class T>
    Plane<T> plane(int64_t rows, int width) {
        const int stride = row_stride<T>(width);
        return {values<T>((rows + kSpareRows) * stride), stride};
    }

    template <class T>
    T* values(int64_t count) {
        const int64_t floats = (count * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 16;
        float* taken = memory_ ? memory_.get() + used_ : nullptr;
        used_ += floats;
        return reinterpret_cast<T*>(taken);
    }

    // Allocates what has been counted and starts again.
    void allocate() {
        memory_ = allocate_floats(used_);
        used_ = 0;
    }

  private:
    AlignedFloats memory_;
    int64_t used_ = 0;
};

}  // namespace ardiff::training
