#include "torch/phase_clock.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

namespace ardiff::portable {

namespace {

// Phases that may be pending: those before are long done, so that nobody waits for them.
constexpr size_t kPending = 1024;

}  // namespace

c10::Event PhaseClock::mark() const {
    c10::Event event(at::kCUDA, c10::EventFlag::BACKEND_DEFAULT);
    event.record(c10::impl::VirtualGuardImpl(at::kCUDA).getStream(device_));
    return event;
}

void PhaseClock::begin() {
    open_.clear();  // of a phase that failed
    if (device_.is_cuda()) {
        open_.push_back(mark());
    } else {
        began_ = std::chrono::steady_clock::now();
    }
}

void PhaseClock::end(double& total) {
    if (!device_.is_cuda()) {
        total += std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
        return;
    }
    pending_.push_back({&total, std::move(open_.front()), mark()});
    open_.clear();
    if (pending_.size() > kPending) settle_first();
}

void PhaseClock::settle_first() {
    Phase& phase = pending_.front();
    phase.end.synchronize();
    *phase.total += phase.begin.elapsedTime(phase.end) / 1000;
    pending_.pop_front();
}

void PhaseClock::settle() {
    while (!pending_.empty()) settle_first();
}

}  // namespace ardiff::portable
