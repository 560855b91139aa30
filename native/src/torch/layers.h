// The layers that networks are made of, over libtorch.
#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "core/network_tree.h"
#include "torch/weights.h"

namespace ardiff::portable {

struct Linear {
    at::Tensor weight, bias;  // [out,in], [out]
    // Of x in the weight's type.
    at::Tensor operator()(const at::Tensor& x) const;
};

struct Norm {
    at::Tensor weight, bias;
    double epsilon;
    at::Tensor operator()(const at::Tensor& x) const;
};

constexpr double kBlockEpsilon = 1e-12;     // encoder and decoder
constexpr double kEmbeddingEpsilon = 1e-5;  // LayerNorm of the target embeddings

// The layer that gives what several layers of one input give, one behind the other.
Linear joined(const NamedTensors& weights, const std::vector<const LinearNode*>& nodes);
inline Linear linear(const NamedTensors& weights, const LinearNode& node) {
    return joined(weights, {&node});
}
Norm norm(const NamedTensors& weights, const NormNode& node, double epsilon = kBlockEpsilon);

using LinearPair = std::optional<std::pair<Linear, Linear>>;
LinearPair pair(const NamedTensors& weights, const std::optional<PairNode>& node);

}  // namespace ardiff::portable
