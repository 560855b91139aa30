#include "torch/weights.h"

#include "core/error.h"

namespace ardiff::portable {

NamedTensors::NamedTensors(const ParameterLayout& layout, const at::Tensor& flat) {
    for (const ParameterInfo& info : layout.entries()) {
        tensors_.emplace(info.name, flat.narrow(0, info.offset, info.count).view(info.shape));
    }
}

const at::Tensor& NamedTensors::operator[](const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) throw Error(ARDIFF_INTERNAL, "No weight is named " + name);
    return found->second;
}

NamedTensors NamedTensors::as_leaves(const ParameterLayout& layout,
                                     const at::Tensor& gradients) const {
    const NamedTensors gradient_views(layout, gradients);
    NamedTensors leaves = *this;
    for (auto& [name, tensor] : leaves.tensors_) {
        tensor = tensor.detach().requires_grad_(true);
        tensor.mutable_grad() = gradient_views[name];
    }
    return leaves;
}

}  // namespace ardiff::portable
