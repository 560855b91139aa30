// A stand-in for a device's graphs on the CPU: what libtorch is asked to compute while it records
// is kept, and computed again, into the same memory, when it is replayed. As on a device, what the
// host computes itself, and every number that it hands over, is what it was at the recording.
#pragma once

#include <ATen/ATen.h>

#if __has_include(<ATen/core/GraphImplInterface.h>)
#include <ATen/core/GraphImplInterface.h>
#include <ATen/core/stack.h>
#include <torch/library.h>

#include <vector>

namespace test {

// How many were begun, ended and replayed since the program began.
struct TapeCounts {
    int begun = 0, ended = 0, replayed = 0;
};
extern TapeCounts tapes;

class Tape final : public at::GraphImplInterface {
  public:
    explicit Tape(const at::GraphImplArgs&) {}
    void capture_begin(at::MempoolId_t, at::GraphCaptureMode) override;
    void capture_end() override;
    void instantiate() override {}
    void replay() override;
    void reset() override {}
    at::MempoolId_t pool() const override { return {0, 0}; }
    void enable_debug_mode() override {}
    void debug_dump(const std::string&) override {}

    // Calls an operator, and keeps what it was called with and what it gave.
    void call(const c10::OperatorHandle& op, torch::jit::Stack& stack);

  private:
    struct Call {
        c10::OperatorHandle op;
        torch::jit::Stack inputs, outputs;
    };
    std::vector<Call> calls_;
};

// Whether one records on this thread.
bool is_recording();

}  // namespace test
#endif
