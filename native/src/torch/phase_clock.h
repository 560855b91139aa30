// How long the phases of a computation take, without waiting for any: on CUDA the device notes the
// times.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <chrono>
#include <deque>

namespace ardiff::portable {

class PhaseClock {
  public:
    explicit PhaseClock(const at::Device& device) : device_(device) {}

    // Runs `body`, and adds its time to `total` now or when it is known. `total` lives as long as
    // this.
    template <class Body>
    void time(double& total, Body&& body) {
        begin();
        body();
        end(total);
    }

    // Waits until every total is complete.
    void settle();

  private:
    struct Phase {
        double* total;
        c10::Event begin, end;
    };

    void begin();
    void end(double& total);
    c10::Event mark() const;
    void settle_first();

    const at::Device device_;
    std::chrono::steady_clock::time_point began_;
    std::deque<c10::Event> open_;  // the begin of a phase that runs
    std::deque<Phase> pending_;
};

}  // namespace ardiff::portable
