#include "torch/nearest.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace ardiff::portable {

using at::Tensor;

namespace {

constexpr int64_t kTile = 4096;      // vocabulary entries at a time
constexpr int64_t kScreened = 4096;  // slots from which on CUDA screens
constexpr int64_t kCandidates = 8;   // of a slot that is screened

// Calls visit(first id, scores [M,tile]) for every tile.
template <class Visit>
void for_each_tile(const Tensor& x, const Tensor& table, const Tensor& bias, int64_t tile,
                   Visit&& visit) {
    for (int64_t v = 0; v < table.size(0); v += tile) {
        const int64_t count = std::min(tile, table.size(0) - v);
        visit(v, at::addmm(bias.narrow(0, v, count), x, table.narrow(0, v, count).t()));
    }
}

Tensor half(const Tensor& x) { return x.to(at::kBFloat16); }

// x [M,n] with zeros behind, up to a width that tensor cores take.
Tensor aligned(const Tensor& x) {
    constexpr int64_t width = 8;
    return at::constant_pad_nd(x, {0, (width - x.size(1) % width) % width});
}

// x . table^T of bfloat16 values, summed and given in float32.
Tensor product(const Tensor& x, const Tensor& table) {
    if (x.is_cuda()) return at::mm(x, table.t(), at::kFloat);
    return at::mm(x.to(at::kFloat), table.to(at::kFloat).t());
}

}  // namespace

Vocabulary::Vocabulary(const Tensor& table, const Tensor& bias) : table_(table), bias_(bias) {
    const Tensor high = half(bias), low = half(bias - high);
    const Tensor rounded = half(table);
    rounded_ = aligned(at::cat({rounded, high.unsqueeze(1), low.unsqueeze(1)}, 1));
    largest_ = table.norm(2, 1).max().item<double>();
    lost_ = (table - rounded).norm(2, 1).max().item<double>();
}

Tensor Vocabulary::best(const Tensor& x) const {
    return waits(x.size(0)) ? screened(x) : best_of_all(x);
}

bool Vocabulary::waits(int64_t slots) const { return table_.is_cuda() && slots >= kScreened; }

Tensor Vocabulary::best_of_all(const Tensor& x, int64_t at_a_time) const {
    const int64_t slots = std::max<int64_t>(1, x.size(0));
    Tensor best, index;
    for_each_tile(x, table_, bias_, std::max(kTile, at_a_time / slots),
                  [&](int64_t first, const Tensor& scores) {
                      if (first == 0 && scores.size(1) == table_.size(0)) {
                          index = scores.argmax(1);
                          return;
                      }
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

Tensor Vocabulary::screened(const Tensor& x, int64_t at_a_time) const {
    const int64_t vocabulary = table_.size(0);
    if (vocabulary <= kCandidates) return best_of_all(x);
    const int64_t most = std::max<int64_t>(1, at_a_time / vocabulary);
    std::vector<Tensor> chosen, certain;
    for (int64_t first = 0; first < x.size(0); first += most) {
        const Tensor part = x.narrow(0, first, std::min(most, x.size(0) - first));
        const Tensor rounded = half(part);
        const Tensor scores = product(aligned(at::constant_pad_nd(rounded, {0, 2}, 1.0)), rounded_);
        const auto [found, ids] = scores.topk(kCandidates + 1, 1);
        // The best by exact scores, the lowest of equals.
        const Tensor candidates = std::get<0>(ids.narrow(1, 0, kCandidates).sort(1));
        const Tensor entries = table_.index_select(0, candidates.flatten())
                                   .view({part.size(0), kCandidates, table_.size(1)});
        const Tensor exact = (entries * part.unsqueeze(1)).sum(2) +
                             bias_.index_select(0, candidates.flatten()).view(candidates.sizes());
        const auto [top, at] = exact.max(1, true);
        chosen.push_back(candidates.gather(1, at).squeeze(1));
        // |x.e - x'.e'| <= |x - x'| |e| + |x'| |e - e'|, and what sums in float32 lose. None that
        // was not kept can be better where its score, the last one's at most, is so far below.
        const Tensor bound = (part - rounded).norm(2, 1) * largest_ +
                             rounded.to(at::kFloat).norm(2, 1) * lost_ +
                             (part.norm(2, 1) * largest_ + found.select(1, 0).abs()) * 1e-5;
        certain.push_back(found.select(1, kCandidates) + bound < top.squeeze(1));
    }
    const Tensor best = at::cat(chosen), open = at::cat(certain).logical_not().nonzero().squeeze(1);
    if (open.size(0) == 0) return best;
    return best.index_copy(0, open, best_of_all(x.index_select(0, open)));
}

Tensor nearest_bias(const Tensor& table) { return table.square().sum(1) * -0.5; }

Tensor log_probability(const Tensor& x, const Tensor& table, const Tensor& bias,
                       const Tensor& ids) {
    Tensor total;
    for_each_tile(x, table, bias, kTile, [&](int64_t first, const Tensor& scores) {
        const Tensor part = at::logsumexp(scores, 1);
        total = first == 0 ? part : at::logaddexp(total, part);
    });
    const Tensor chosen = (x * table.index_select(0, ids)).sum(1) + bias.index_select(0, ids);
    return (chosen - total).clamp_max(0.0);
}

}  // namespace ardiff::portable
