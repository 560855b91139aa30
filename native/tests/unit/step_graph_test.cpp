// A generation step as a graph of the device, with a stand-in for the device's graphs.
#include "unit.h"

#if __has_include(<ATen/core/GraphImplInterface.h>)
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "generation_sample.h"
#include "tape.h"
#include "torch/step_graph.h"

namespace test {
namespace {

using ardiff::portable::recorded_steps;
using ardiff::portable::StepGraph;
using at::Tensor;

void want_graphs(bool wanted) {
    if (wanted)
        setenv("ARDIFF_STEP_GRAPH", "1", 1);
    else
        unsetenv("ARDIFF_STEP_GRAPH");
}

int computed = 0;
bool fails = false;

std::vector<Tensor> job(const std::vector<Tensor>& x) {
    ++computed;
    if (is_recording() && fails) throw std::runtime_error("no");
    return {x[0] * 2.0 + x[2], Tensor(), x[0].narrow(0, 0, 1)};
}

void test_recordings() {
    const Tensor lasting = at::ones({3}), other = at::full({3}, 5.0f);
    const auto call = [&](StepGraph& graph, float x, const Tensor& last, int64_t kind = 1) {
        const Tensor moving = at::full(last.sizes(), x);
        const auto made = graph.run({kind}, {moving, Tensor()}, {last}, job);
        return at::equal(made[0], moving * 2.0 + last) && !made[1].defined() &&
               at::equal(made[2], moving.narrow(0, 0, 1));
    };
    want_graphs(false);
    StepGraph off(at::kCPU);
    const TapeCounts before = tapes;
    const auto begun = [&] { return tapes.begun - before.begun; };
    const auto replayed = [&] { return tapes.replayed - before.replayed; };
    expect(!off.is_wanted() && call(off, 1, lasting) && call(off, 2, lasting) && begun() == 0,
           "no graph is recorded unless it is asked for");

    want_graphs(true);
    StepGraph graph(at::kCPU), nowhere(at::kMeta);
    expect(!nowhere.is_wanted(), "nor where the device has none");
    computed = 0;
    const int64_t recorded = recorded_steps().recorded;
    expect(graph.is_wanted() && call(graph, 1, lasting) && begun() == 0 && computed == 1,
           "the first call just runs");
    expect(call(graph, 2, lasting) && begun() == 1 && tapes.ended == tapes.begun &&
               replayed() == 1 && computed == 3,
           "the second is recorded and replayed");
    const auto first = graph.run({1}, {at::zeros({3}), Tensor()}, {lasting}, job);
    expect(recorded_steps().recorded == recorded + 1 && recorded_steps().failure.empty(),
           "it is counted");
    expect(call(graph, 4, other) && call(graph, 5, lasting) && computed == 3 && replayed() == 4,
           "further calls are replayed with their own tensors");
    expect(at::equal(first[0], lasting), "what a call made stays as it is");
    expect(call(graph, 6, at::ones({4})) && call(graph, 7, lasting, 2) && begun() == 1 &&
               computed == 5,
           "other shapes and another kind are recorded anew");
    expect(call(graph, 8, lasting) && replayed() == 5 && computed == 5,
           "what was recorded before is kept");
    for (int64_t kind = 3; kind < 30; ++kind) call(graph, 0, lasting, kind);
    expect(call(graph, 9, lasting) && begun() == 1, "but not more than a few at a time");

    StepGraph failing(at::kCPU);
    fails = true;
    const int ended = tapes.ended;
    expect(call(failing, 1, lasting) && call(failing, 2, lasting) && tapes.ended == ended + 1,
           "a recording that fails is ended, and the call runs");
    expect(recorded_steps().failure == "no", "and it is known why");
    fails = false;
    const int tried = tapes.begun;
    expect(!failing.is_wanted() && call(failing, 3, lasting) && tapes.begun == tried,
           "it is not tried again");
    want_graphs(false);
}

// What two batches of one model, by turns, are after each step of several.
std::vector<std::vector<float>> generate(const ardiff_network_config& config, bool graphs) {
    want_graphs(graphs);
    Model model(config);
    model.fill(3);
    accepted("ardiff_model_prepare", ardiff_model_prepare, model.handle, ARDIFF_DEVICE_CPU, 0,
             ARDIFF_DTYPE_F32, 1);
    const Sources some(2, 5, config.vocabulary_size, 1), others(2, 5, config.vocabulary_size, 2);
    const int slots = 9, candidates = 2;
    std::vector<std::vector<float>> found;
    for (int run = 0; run < 2; ++run) {
        Generation first(model, some, candidates, slots, ARDIFF_GENERATION_PORTABLE),
            second(model, others, candidates, slots, ARDIFF_GENERATION_PORTABLE, 8);
        std::vector<int32_t> nearest(first.tokens());
        std::vector<float> scores(first.tokens());
        for (int index = 0; index < 12; ++index) {
            const Plan plan(1, slots, static_cast<uint64_t>(index % 4));
            for (Generation* batch : {&first, &second}) {
                // Rows get shorter, and later slots are left out of a step.
                if (index == 6) {
                    std::vector<int32_t> active{9, 7, 8, 7};
                    accepted("ardiff_generation_shrink", ardiff_generation_shrink, batch->handle,
                             active.data());
                }
                if (index == 9)
                    accepted("ardiff_generation_present", ardiff_generation_present, batch->handle,
                             6);
                scores.assign(scores.size(), 0.0f);
                batch->step(index, plan, ARDIFF_STEP_ROUND, nullptr, nearest.data(), scores.data());
                found.push_back(batch->read(ARDIFF_STATE_Z));
                found.push_back(batch->read(ARDIFF_STATE_X0));
                found.push_back(scores);
                found.emplace_back(nearest.begin(), nearest.end());
            }
        }
        // Without rounding, in a prediction only, and with noise that was given.
        const std::vector<float> noise = Random(4).values(first.latents());
        for (int index = 0; index < 9; ++index) {
            const Plan plan(1, slots, static_cast<uint64_t>(index % 4));
            first.step(index, plan, index % 3 == 1 ? ARDIFF_STEP_PREDICT : 0,
                       index % 3 == 2 ? noise.data() : nullptr);
            found.push_back(first.read(ARDIFF_STATE_Z));
            found.push_back(first.read(ARDIFF_STATE_X0));
        }
    }
    want_graphs(false);
    return found;
}

void test_steps() {
    for (const ardiff_network_config& config : sample_networks()) {
        if (config.time_conditioning == ARDIFF_TIME_NONE) continue;
        const std::vector<std::vector<float>> expected = generate(config, false);
        const int before = tapes.replayed, begun = tapes.begun;
        const std::vector<std::vector<float>> found = generate(config, true);
        double gap = 0;
        bool same = expected.size() == found.size();
        for (size_t i = 0; same && i < found.size(); ++i) {
            for (size_t k = 0; k < found[i].size(); ++k)
                gap = std::max(gap, std::fabs(static_cast<double>(found[i][k]) - expected[i][k]));
        }
        expect(same && gap < 1e-5, "a step that is replayed is the step");
        expect(tapes.replayed - before > 40 && tapes.begun - begun < 10, "steps are replayed");
    }
}

}  // namespace

void test_step_graph() {
    test_recordings();
    test_steps();
}

}  // namespace test

#else

namespace test {
void test_step_graph() {}
}  // namespace test

#endif
