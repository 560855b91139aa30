#include "torch/nearest.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace ardiff::portable {

using at::Tensor;

namespace {

constexpr int64_t kTile = 4096;  // vocabulary entries at a time
constexpr int64_t kMany = 4096;  // slots from which on CUDA takes products of parts

// The highest of each row's scores, the lowest of equals, so many scores `at_a_time`. `product`
// makes those of some tokens from a first one on, [M,tokens].
template <class Product>
Tensor highest(int64_t slots, int64_t vocabulary, int64_t at_a_time, Product&& product) {
    const int64_t tile = std::max(kTile, at_a_time / std::max<int64_t>(1, slots));
    Tensor best, index;
    for (int64_t first = 0; first < vocabulary; first += tile) {
        const Tensor scores = product(first, std::min(tile, vocabulary - first));
        if (scores.size(1) == vocabulary) return scores.argmax(1);
        auto [top, at] = scores.max(1);
        if (first == 0) {
            best = top;
            index = at;
        } else {
            const Tensor better = top > best;
            best = at::where(better, top, best);
            index = at::where(better, at + first, index);
        }
    }
    return index;
}

// x = a + b + c but for the rounding of float32, in bfloat16.
struct Parts {
    explicit Parts(const Tensor& x)
        : a(x.to(at::kBFloat16)), b((x - a).to(at::kBFloat16)), c((x - a - b).to(at::kBFloat16)) {}
    Tensor a, b, c;
};

// Rows with zeros behind, up to a width that tensor cores take.
Tensor aligned(const std::vector<Tensor>& columns) {
    constexpr int64_t width = 8;
    const Tensor x = at::cat(columns, 1);
    return at::constant_pad_nd(x, {0, (width - x.size(1) % width) % width});
}

}  // namespace

// (a + b + c) . (a' + b' + c') but for b . c', c . b' and c . c', which are smaller than what
// float32 rounds; the bias is a product with ones.
Vocabulary::Vocabulary(const Tensor& table, const Tensor& bias) : table_(table), bias_(bias) {
    const Parts e(table), f(bias.unsqueeze(1));
    parts_ = aligned({e.a, e.b, e.a, e.c, e.b, e.a, f.a, f.b, f.c});
}

Tensor Vocabulary::best(const Tensor& x) const {
    return x.is_cuda() && x.size(0) >= kMany ? best_by_parts(x) : best_of_all(x);
}

Tensor Vocabulary::best_of_all(const Tensor& x, int64_t at_a_time) const {
    return highest(x.size(0), table_.size(0), at_a_time, [&](int64_t first, int64_t count) {
        return at::addmm(bias_.narrow(0, first, count), x, table_.narrow(0, first, count).t());
    });
}

Tensor Vocabulary::best_by_parts(const Tensor& x, int64_t at_a_time) const {
    const Parts p(x);
    const Tensor ones = at::ones({x.size(0), 3}, p.a.options());
    const Tensor parts = aligned({p.a, p.a, p.b, p.a, p.b, p.c, ones});
    return highest(x.size(0), table_.size(0), at_a_time, [&](int64_t first, int64_t count) {
        const Tensor entries = parts_.narrow(0, first, count);
        if (x.is_cuda()) return at::mm(parts, entries.t(), at::kFloat);
        return at::mm(parts.to(at::kFloat), entries.to(at::kFloat).t());
    });
}

Tensor nearest_bias(const Tensor& table) { return table.square().sum(1) * -0.5; }

Tensor log_probability(const Tensor& x, const Tensor& table, const Tensor& bias,
                       const Tensor& ids) {
    Tensor total;
    for (int64_t first = 0; first < table.size(0); first += kTile) {
        const int64_t count = std::min(kTile, table.size(0) - first);
        const Tensor part = at::logsumexp(
            at::addmm(bias.narrow(0, first, count), x, table.narrow(0, first, count).t()), 1);
        total = first == 0 ? part : at::logaddexp(total, part);
    }
    const Tensor chosen = (x * table.index_select(0, ids)).sum(1) + bias.index_select(0, ids);
    return (chosen - total).clamp_max(0.0);
}

}  // namespace ardiff::portable
