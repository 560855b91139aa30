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

NamedTensors NamedTensors::as_leaves(const ParameterLayout& layout, int64_t first) const {
    NamedTensors leaves = *this;
    for (auto& [name, tensor] : leaves.tensors_) {
        tensor = tensor.detach();
        if (layout.at(name).offset >= first) tensor.requires_grad_(true);
    }
    return leaves;
}

}  // namespace ardiff::portable
