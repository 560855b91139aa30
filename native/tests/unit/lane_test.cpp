// A lane that fails in the middle of a batch.
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <atomic>
#include <new>

#include "core/cpu.h"
#include "cpu/kernels/kernels.h"
#include "sample.h"
#include "unit.h"

namespace test {
namespace {

using ardiff::cpu::AttentionGradients;
using ardiff::cpu::AttentionInputs;
using ardiff::cpu::Kernels;

std::atomic<int> calls = 0;
int last_call = 0;  // the call that fails; 0: none
void (*attend_backward)(const AttentionInputs&, const AttentionGradients&) = nullptr;

void fail_at_last(const AttentionInputs& in, const AttentionGradients& out) {
    if (++calls == last_call) throw std::bad_alloc();
    attend_backward(in, out);
}

constexpr int kRows = 60, kLength = 3, kSlots = 7;  // more rows than a lane takes at once

// One batch of gradients; false where it failed.
bool run(ardiff::Trainer& trainer, uint64_t seed) {
    Random random(seed);
    std::vector<int32_t> ids(kRows * kLength), targets(kRows * kSlots), timesteps(kRows * kSlots);
    for (int32_t& id : ids) id = random.below(37);
    for (int32_t& id : targets) id = random.below(37);
    for (int32_t& t : timesteps) t = random.below(4);
    const std::vector<uint8_t> mask(kRows * kLength, 1);
    float terms[4];
    ardiff::TrainingBatch batch{};
    batch.ids = ids.data();
    batch.mask = mask.data();
    batch.rows = kRows;
    batch.length = kLength;
    batch.target_ids = targets.data();
    batch.timesteps = timesteps.data();
    batch.slots = kSlots;
    batch.terms = terms;
    ardiff_training_options options{};
    options.backward = 1;
    options.normaliser = kRows * kSlots;
    calls = 0;
    try {
        trainer.batch(options, batch);
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

std::vector<float> gradients(const ardiff::Trainer& trainer, int64_t size) {
    std::vector<float> values(static_cast<size_t>(size));
    trainer.read(ARDIFF_TRAINING_GRADIENTS, values.data());
    return values;
}

unsigned floating_point_state() {
#if defined(__x86_64__)
    return _mm_getcsr();
#else
    return 0;
#endif
}

}  // namespace

void test_failing_lane() {
    const Kernels& best = ardiff::cpu::kernels();
    Kernels failing = best;
    attend_backward = best.attend_backward;
    failing.attend_backward = fail_at_last;
    ardiff::cpu::choose_kernels(failing);

    ardiff::Parameters parameters(ardiff::NetworkConfig::from(small_network(ARDIFF_TIME_TXL)));
    Random random(1);
    for (int64_t i = 0; i < parameters.layout.size(); ++i)
        parameters.data()[i] = 0.3f * random.value();
    ardiff::TrainerSetup setup{parameters, {}, {}};
    setup.schedule.assign(4, {1.0f, 0.8f, 0.6f, 1.0f});
    setup.config.diffusion_steps = 4;
    for (int threads : {1, 2}) {
        setup.config.threads = threads;
        const auto spoiled = ardiff::make_cpu_trainer(setup);
        const auto fresh = ardiff::make_cpu_trainer(setup);
        const int64_t size = parameters.layout.size();
        last_call = 0;
        expect(run(*fresh, 2), "a batch that nothing fails in is computed");
        last_call = calls;
        const unsigned before = floating_point_state();
        expect(!run(*spoiled, 3), "a batch that a kernel fails in fails");
        expect(floating_point_state() == before, "denormals are numbers again after a failure");
        last_call = 0;
        expect(run(*spoiled, 2), "a batch after one that failed is computed");
        expect(gradients(*spoiled, size) == gradients(*fresh, size),
               "a batch that failed leaves nothing in the next one's gradients");
    }
    ardiff::cpu::choose_kernels(best);
}

}  // namespace test
