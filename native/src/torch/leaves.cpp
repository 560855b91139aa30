#include "torch/leaves.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

namespace ardiff::portable {

using at::Tensor;

namespace {

// Tensors of one type, as float32 and flat, whatever their number in few operations.
std::vector<Tensor> as_floats(const std::vector<Tensor>& tensors) {
    std::vector<Tensor> flat;
    std::vector<int64_t> sizes;
    for (const Tensor& tensor : tensors) {
        flat.push_back(tensor.reshape(-1));
        sizes.push_back(tensor.numel());
    }
    if (flat.empty() || flat[0].scalar_type() == at::kFloat) return flat;
    return at::cat(flat).to(at::kFloat).split_with_sizes(sizes);
}

}  // namespace

Leaves::Leaves(const ParameterLayout& layout, const Tensor& flat, at::ScalarType compute,
               int64_t first)
    : layout_(layout),
      first_(first),
      two_types_(compute != at::kFloat),
      weights_(NamedTensors(layout, flat).as_leaves(layout, first)),
      products_(two_types_ ? NamedTensors(layout, flat.to(compute)).as_leaves(layout, first)
                           : weights_) {}

void Leaves::add_gradients(const Tensor& total, const Tensor& gradients) const {
    std::vector<const ParameterInfo*> trained;
    std::vector<Tensor> leaves;
    for (const ParameterInfo& info : layout_.entries()) {
        if (info.offset < first_) continue;
        trained.push_back(&info);
        leaves.push_back(weights_[info.name]);
    }
    const size_t count = trained.size();
    if (two_types_) {
        for (size_t i = 0; i < count; ++i) leaves.push_back(products_[trained[i]->name]);
    }
    const std::vector<Tensor> found =
        torch::autograd::grad({total}, leaves, {}, std::nullopt, false, true);
    std::vector<Tensor> of_products;
    for (size_t i = count; i < found.size(); ++i) {
        if (found[i].defined()) of_products.push_back(found[i]);
    }
    const std::vector<Tensor> products = as_floats(of_products);

    // In the order of the flat buffer, zeros where there is none and between tensors.
    std::vector<Tensor> pieces;
    constexpr int64_t alignment = 16;  // of a tensor in the flat buffer
    const Tensor zeros = at::zeros({alignment}, gradients.options());
    int64_t end = first_;
    const auto fill = [&](int64_t until) {
        const int64_t gap = until - end;
        if (gap > 0) {
            pieces.push_back(gap <= alignment ? zeros.narrow(0, 0, gap)
                                              : at::zeros({gap}, gradients.options()));
        }
        end = until;
    };
    size_t next = 0;
    for (size_t i = 0; i < count; ++i) {
        fill(trained[i]->offset);
        const bool in_products = count + i < found.size() && found[count + i].defined();
        if (!in_products && !found[i].defined()) continue;
        pieces.push_back(in_products ? products[next++] : found[i].reshape(-1));
        end += trained[i]->count;
    }
    fill(layout_.size());
    gradients.narrow(0, first_, layout_.size() - first_).add_(at::cat(pieces));
}

}  // namespace ardiff::portable
