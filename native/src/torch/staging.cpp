#include "torch/staging.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "torch/device.h"

namespace ardiff::portable {

namespace {

constexpr int64_t kAlignment = 16;  // of a piece in the buffer: kernels read several values at once

}  // namespace

template <class T>
void Staging::add(at::Tensor& destination, const T* data, at::IntArrayRef sizes) {
    const int64_t count = c10::multiply_integers(sizes);
    const int64_t bytes = count * static_cast<int64_t>(sizeof(T));
    const int64_t offset =
        (static_cast<int64_t>(bytes_.size()) + kAlignment - 1) / kAlignment * kAlignment;
    bytes_.resize(static_cast<size_t>(offset + bytes));
    if (bytes > 0) std::memcpy(bytes_.data() + offset, data, static_cast<size_t>(bytes));
    pieces_.push_back(
        {&destination, c10::CppTypeToScalarType<T>::value, sizes.vec(), offset, bytes});
}

template void Staging::add(at::Tensor&, const float*, at::IntArrayRef);
template void Staging::add(at::Tensor&, const int32_t*, at::IntArrayRef);
template void Staging::add(at::Tensor&, const int64_t*, at::IntArrayRef);
template void Staging::add(at::Tensor&, const uint8_t*, at::IntArrayRef);

void Staging::send() {
    const at::Tensor host = pack();
    unpack(device_.is_cuda() ? host.to(device_, at::kByte, true) : host);
    bytes_.clear();
    pieces_.clear();
}

at::Tensor Staging::pack() const {
    const at::Tensor host =
        at::empty({static_cast<int64_t>(bytes_.size())},
                  at::TensorOptions().dtype(at::kByte).pinned_memory(device_.is_cuda()));
    if (!bytes_.empty()) std::memcpy(host.mutable_data_ptr(), bytes_.data(), bytes_.size());
    return host;
}

void Staging::unpack(const at::Tensor& sent) const {
    for (const Piece& piece : pieces_) {
        *piece.destination =
            sent.narrow(0, piece.offset, piece.bytes).view(piece.type).view(piece.sizes);
    }
}

std::vector<int64_t> Staging::layout() const {
    std::vector<int64_t> layout;
    for (const Piece& piece : pieces_) {
        layout.insert(layout.end(), {static_cast<int64_t>(piece.type), piece.offset,
                                     static_cast<int64_t>(piece.sizes.size())});
        layout.insert(layout.end(), piece.sizes.begin(), piece.sizes.end());
    }
    return layout;
}

SentSources send_sources(const int32_t* ids, const uint8_t* mask, int64_t sources, int64_t length,
                         const at::Device& device) {
    SentSources sent;
    Staging staging(device);
    staging.add(sent.mask, mask, {sources, length});
    staging.add(sent.ids, ids, {sources, length});
    staging.send();
    sent.mask = sent.mask.to(at::kBool);
    sent.ids = sent.ids.to(at::kLong) * sent.mask;
    return sent;
}

// A dense copy on the host, which is complete when the device has come so far.
at::Tensor Returning::on_host(const at::Tensor& x) const {
    if (!device_.is_cuda()) return x.contiguous();
    const at::Tensor host =
        at::empty(x.sizes(), at::TensorOptions().dtype(x.scalar_type()).pinned_memory(true));
    return host.copy_(x, true);
}

void Returning::add(const at::Tensor& values, float* out) {
    arrivals_.push_back([host = on_host(values), out] {
        std::copy_n(host.const_data_ptr<float>(), host.numel(), out);
    });
}

void Returning::add(const at::Tensor& ids, int32_t* out) {
    arrivals_.push_back([host = on_host(ids), out] {
        std::transform(host.const_data_ptr<int64_t>(),
                       host.const_data_ptr<int64_t>() + host.numel(), out,
                       [](int64_t id) { return static_cast<int32_t>(id); });
    });
}

void Returning::receive() {
    if (arrivals_.empty()) return;
    synchronize(device_);
    for (const auto& arrive : arrivals_) arrive();
    arrivals_.clear();
}

}  // namespace ardiff::portable
