// The weights of a trainer as what gradients are formed for.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/parameters.h"
#include "torch/weights.h"

namespace ardiff::portable {

// All weights are cast to the compute type in one operation, and all gradients are gathered in a
// few: one by one they would be most of a micro-batch's kernels.
class Leaves {
  public:
    // `flat` [layout.size()] float32. Gradients are formed for what lies at `first` and behind it.
    Leaves(const ParameterLayout& layout, const at::Tensor& flat, at::ScalarType compute,
           int64_t first);

    const NamedTensors& weights() const { return weights_; }    // float32
    const NamedTensors& products() const { return products_; }  // in the compute type

    // Adds the gradients of `total` to `gradients`, flat like the weights.
    void add_gradients(const at::Tensor& total, const at::Tensor& gradients) const;

  private:
    const ParameterLayout& layout_;
    const int64_t first_;
    const bool two_types_;
    NamedTensors weights_, products_;
};

}  // namespace ardiff::portable
