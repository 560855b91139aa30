#include "torch/nearest.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace ardiff::portable {

using at::Tensor;

namespace {

constexpr int64_t kTile = 4096;  // vocabulary entries at a time

// Calls visit(first id, scores [M,tile]) for every tile.
template <class Visit>
void for_each_tile(const Tensor& x, const Tensor& table, const Tensor& bias, Visit&& visit) {
    for (int64_t v = 0; v < table.size(0); v += kTile) {
        const int64_t count = std::min(kTile, table.size(0) - v);
        visit(v, at::addmm(bias.narrow(0, v, count), x, table.narrow(0, v, count).t()));
    }
}

}  // namespace

Tensor best_token(const Tensor& x, const Tensor& table, const Tensor& bias) {
    Tensor best, index;
    for_each_tile(x, table, bias, [&](int64_t first, const Tensor& scores) {
        auto [top, at] = scores.max(1);
        if (first == 0) {
            best = top;
            index = at;
        } else {
            const Tensor better = top > best;
            best = at::where(better, top, best);
            index = at::where(better, at + first, index);
        }
    });
    return index;
}

Tensor nearest_bias(const Tensor& table) { return table.square().sum(1) * -0.5; }

Tensor log_probability(const Tensor& x, const Tensor& table, const Tensor& bias,
                       const Tensor& ids) {
    Tensor total;
    for_each_tile(x, table, bias, [&](int64_t first, const Tensor& scores) {
        const Tensor part = at::logsumexp(scores, 1);
        total = first == 0 ? part : at::logaddexp(total, part);
    });
    const Tensor chosen = (x * table.index_select(0, ids)).sum(1) + bias.index_select(0, ids);
    return (chosen - total).clamp_max(0.0);
}

}  // namespace ardiff::portable
