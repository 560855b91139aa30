// The rounding loss in chunks, and rounding by products of parts: exact, whatever fits into memory
// at a time.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "torch/cross_entropy.h"
#include "torch/nearest.h"
#include "sample.h"
#include "unit.h"

namespace test {
namespace {

using at::Tensor;

// Values from -1 to 1, the same in every run.
Tensor values(at::IntArrayRef sizes, uint64_t seed) {
    Random random(seed);
    const Tensor x = at::empty(sizes, at::kFloat);
    for (int64_t i = 0; i < x.numel(); ++i) x.mutable_data_ptr<float>()[i] = random.value();
    return x;
}

}  // namespace

void test_cross_entropy() {
    const int64_t slots = 13, vocabulary = 37, width = 10;
    const Tensor weights = values({slots}, 4);
    const Tensor targets =
        (at::arange(slots, at::kLong) * 17).remainder(vocabulary).view({1, slots});
    for (const double smoothing : {0.0, 0.2}) {
        const Tensor x = values({1, slots, width}, 1).requires_grad_(true),
                     table = values({vocabulary, width}, 2).requires_grad_(true),
                     bias = values({vocabulary}, 3).requires_grad_(true);
        const Tensor log_probabilities = at::log_softmax(at::matmul(x, table.t()) + bias, -1);
        const Tensor plain =
            -log_probabilities.gather(-1, targets.unsqueeze(-1)).squeeze(-1) * (1 - smoothing) -
            log_probabilities.mean(-1) * smoothing;
        const auto expected = torch::autograd::grad({(plain * weights).sum()}, {x, table, bias});
        for (const int64_t at_a_time : {int64_t{1}, 5 * vocabulary, int64_t{1} << 20}) {
            const Tensor loss = ardiff::portable::cross_entropy(x, table, bias, targets, smoothing,
                                                                at::kFloat, at_a_time);
            expect(loss.sizes() == targets.sizes() && at::allclose(loss, plain, 1e-5, 1e-6),
                   "cross-entropy in chunks is cross-entropy");
            const auto gradients =
                torch::autograd::grad({(loss * weights).sum()}, {x, table, bias});
            for (size_t i = 0; i < 3; ++i) {
                expect(at::allclose(gradients[i], expected[i], 1e-4, 1e-6),
                       "cross-entropy in chunks has the gradients of cross-entropy");
            }
        }
    }
}

void test_rounding() {
    const int64_t slots = 60, vocabulary = 500, width = 12;
    // Clusters that two parts in bfloat16 cannot tell apart.
    for (const int64_t cluster : {1, 4, 25}) {
        const Tensor centres = values({vocabulary / cluster, width}, 5);
        const Tensor table = (centres.unsqueeze(1).expand({-1, cluster, width}) +
                              values({vocabulary / cluster, cluster, width}, 6) * 1e-4)
                                 .reshape({vocabulary, width});
        table.narrow(0, vocabulary - 50, 50).copy_(table.narrow(0, 0, 50));  // equal entries
        const ardiff::portable::Vocabulary all(table, ardiff::portable::nearest_bias(table));
        const Tensor x = values({slots, width}, 7);
        const Tensor scores = at::matmul(x.to(at::kDouble), table.to(at::kDouble).t()) -
                              table.to(at::kDouble).square().sum(1) * 0.5;
        // How much better than the chosen ones the best are.
        const auto lost = [&](const Tensor& chosen) {
            return (scores.amax(1) - scores.gather(1, chosen.unsqueeze(1)).squeeze(1))
                .max()
                .item<double>();
        };
        for (const int64_t at_a_time : {int64_t{1}, 7 * vocabulary, int64_t{1} << 20}) {
            expect(lost(all.best_of_all(x, at_a_time)) < 2e-6, "the best of all is the best");
            expect(lost(all.best_by_parts(x, at_a_time)) < 2e-6, "products of parts find the best");
        }
    }
}

}  // namespace test
