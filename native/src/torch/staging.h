// Host values on their way to a device, together in one buffer and one copy, and a device's values
// on their way back, with one wait for all.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace ardiff::portable {

// Usage: add() what a step needs, then send(). For a CUDA device the buffer is pinned and the copy
// runs beside the host, which need not wait for it: libtorch gives a pinned buffer away again only
// when the copy from it is done. On the CPU the buffer itself is what is sent.
class Staging {
  public:
    explicit Staging(const at::Device& device) : device_(device) {}

    // Values of the caller's, which are copied at once. send() makes `destination` them on the
    // device; it lives as long as this.
    template <class T>
    void add(at::Tensor& destination, const T* data, at::IntArrayRef sizes);

    // What was added is filled in.
    void send();

    // Its two halves, where the way between is the caller's: all that was added as one tensor of
    // bytes of the host, pinned for CUDA; and the destinations made views of a copy of those bytes.
    at::Tensor pack() const;
    void unpack(const at::Tensor& sent) const;

    // Where in the bytes what lies: equal for two that differ in values only.
    std::vector<int64_t> layout() const;

  private:
    struct Piece {
        at::Tensor* destination;
        at::ScalarType type;
        std::vector<int64_t> sizes;
        int64_t offset, bytes;
    };

    const at::Device device_;
    std::vector<uint8_t> bytes_;
    std::vector<Piece> pieces_;
};

// Sources on the device.
struct SentSources {
    at::Tensor mask;  // [sources, length] bool
    at::Tensor ids;   // [sources, length] int64, 0 where the mask is false
};
SentSources send_sources(const int32_t* ids, const uint8_t* mask, int64_t sources, int64_t length,
                         const at::Device& device);

// Usage: add() what is read of the device, then receive(). On CUDA the copies go to pinned memory
// behind what computes the values; only receive() waits for the device.
class Returning {
  public:
    explicit Returning(const at::Device& device) : device_(device) {}

    // float32 values, and int64 ids, which `out` has room for.
    void add(const at::Tensor& values, float* out);
    void add(const at::Tensor& ids, int32_t* out);

    // All of them are where they were wanted; waits for nothing where there is none.
    void receive();

  private:
    at::Tensor on_host(const at::Tensor& x) const;

    const at::Device device_;
    std::vector<std::function<void()>> arrivals_;  // what is left to do with those on the host
};

}  // namespace ardiff::portable
