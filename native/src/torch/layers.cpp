#include "torch/layers.h"

#include <ATen/ATen.h>

namespace ardiff::portable {

using at::Tensor;

namespace {

Tensor cat(const std::vector<Tensor>& parts) {
    return parts.size() == 1 ? parts[0] : at::cat(parts);
}

}  // namespace

Tensor Linear::operator()(const Tensor& x) const {
    return at::linear(x.to(weight.scalar_type()), weight, bias);
}

Tensor Norm::operator()(const Tensor& x) const {
    return at::layer_norm(x, {x.size(-1)}, weight, bias, epsilon);
}

Linear joined(const NamedTensors& weights, const std::vector<const LinearNode*>& nodes) {
    std::vector<Tensor> weight, bias;
    for (const LinearNode* node : nodes) {
        weight.push_back(weights[node->weight()]);
        if (node->has_bias) bias.push_back(weights[node->bias()]);
    }
    return {cat(weight), bias.empty() ? Tensor() : cat(bias)};
}

Norm norm(const NamedTensors& weights, const NormNode& node, double epsilon) {
    return {weights[node.weight()], weights[node.bias()], epsilon};
}

LinearPair pair(const NamedTensors& weights, const std::optional<PairNode>& node) {
    if (!node) return std::nullopt;
    return std::make_pair(linear(weights, node->first), linear(weights, node->second));
}

}  // namespace ardiff::portable
