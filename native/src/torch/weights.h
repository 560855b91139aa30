// Tensors that view a flat buffer by name, so that one allocation holds all weights of a network.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <unordered_map>

#include "core/parameters.h"

namespace ardiff::portable {

class NamedTensors {
  public:
    // Views of `flat` ([layout.size()]), one for every entry of `layout`.
    NamedTensors(const ParameterLayout& layout, const at::Tensor& flat);

    const at::Tensor& operator[](const std::string& name) const;

    // The same tensors as leaves; gradients are formed for those at `first` and behind it.
    NamedTensors as_leaves(const ParameterLayout& layout, int64_t first) const;

  private:
    std::unordered_map<std::string, at::Tensor> tensors_;
};

}  // namespace ardiff::portable
