#include "tape.h"

#if __has_include(<ATen/core/GraphImplInterface.h>)
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace test {

TapeCounts tapes;

namespace {

// Operators come by here, before whatever computes them, while it is switched on.
constexpr c10::DispatchKey kKey = c10::DispatchKey::TESTING_ONLY_GenericMode;
thread_local Tape* recording = nullptr;

void record_call(const c10::OperatorHandle& op, c10::DispatchKeySet, torch::jit::Stack* stack) {
    recording->call(op, *stack);
}

// What was given once becomes what is given now; views and what was computed in place are already.
void renew(const c10::IValue& old, const c10::IValue& now) {
    if (old.isTensorList()) {
        const auto before = old.toTensorVector(), after = now.toTensorVector();
        for (size_t i = 0; i < before.size(); ++i) renew(before[i], after[i]);
        return;
    }
    if (!old.isTensor() || !old.toTensor().defined()) return;
    if (!old.toTensor().is_alias_of(now.toTensor())) old.toTensor().copy_(now.toTensor());
}

}  // namespace

bool is_recording() { return recording != nullptr; }

void Tape::call(const c10::OperatorHandle& op, torch::jit::Stack& stack) {
    const c10::impl::ExcludeDispatchKeyGuard others(kKey);
    const torch::jit::Stack inputs = torch::jit::last(stack, op.schema().arguments().size()).vec();
    op.callBoxed(&stack);
    calls_.push_back({op, inputs, torch::jit::last(stack, op.schema().returns().size()).vec()});
}

void Tape::capture_begin(at::MempoolId_t, at::GraphCaptureMode) {
    ++tapes.begun;
    recording = this;
    c10::impl::tls_set_dispatch_key_included(kKey, true);
}

void Tape::capture_end() {
    ++tapes.ended;
    recording = nullptr;
    c10::impl::tls_set_dispatch_key_included(kKey, false);
}

void Tape::replay() {
    ++tapes.replayed;
    for (const Call& call : calls_) {
        torch::jit::Stack stack = call.inputs;
        call.op.callBoxed(&stack);
        for (size_t i = 0; i < stack.size(); ++i) renew(call.outputs[i], stack[i]);
    }
}

}  // namespace test

TORCH_LIBRARY_IMPL(_, TESTING_ONLY_GenericMode, library) {
    library.fallback(torch::CppFunction::makeFromBoxedFunction<&test::record_call>());
}

namespace at {
C10_REGISTER_CLASS(GraphImplRegistry, CPU, test::Tape)
}
#endif
