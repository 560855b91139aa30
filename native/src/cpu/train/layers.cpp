#include "cpu/train/layers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace ardiff::training {

template <class A>
Layers<A>::Layers(const Plan& plan, const Kernels& kernels, Arena& arena, const Extent& extent)
    : plan_(plan), kernels_(kernels), operands_(kernels.operands<A>()) {
    const int64_t rows = static_cast<int64_t>(extent.rows) * std::max(extent.length, extent.slots);
    const int64_t tall = (rows + kPad - 1) / kPad * kPad + kSpareRows;
    const int64_t wide_out = row_stride<A>(std::max(plan.widest_out, kVocabularyTile));
    dy_operand_ = arena.values<A>(tall * wide_out);
    dy_transposed_ = arena.values<A>(tall * wide_out);
    x_scratch_ =
        arena.values<A>(tall * row_stride<A>(std::max(plan.widest_in, plan.config.embedding)));
    const int longest = std::max(extent.length, extent.slots);
    attention_scratch_ =
        arena.values<float>(kernels_.attention_scratch(longest, longest, plan.config.head_size()));
    for (int first = 0; first < plan.logits.out; first += kVocabularyTile)
        logits_.push_back(arena.plane<float>(rows, kVocabularyTile));
    rounded_ = arena.plane<A>(rows, plan.config.embedding);
    maximum_ = arena.values<float>(rows);
    chosen_ = arena.values<float>(rows);
    log_total_ = arena.values<float>(rows);
    total_ = arena.values<double>(rows);
}

template <class A>
void Layers<A>::linear(const LinearPlan& plan, int rows, Plane<A> x, Plane<float> y) const {
    operands_.forward(rows, x.data, x.stride, pass_->weights[plan], 0, plan.out, Epilogue::store,
                      y.data, y.stride);
}

template <class A>
void Layers<A>::linear_backward(const LinearPlan& plan, int rows, Plane<float> dy, Plane<A> x,
                                Plane<float> dx, Onto onto) {
    float* bias = plan.bias_gradient < 0 ? nullptr : gradients_ + plan.bias_gradient;
    operands_.to_operands(rows, plan.out, dy.data, dy.stride, dy_operand_, dy_transposed_, bias);
    Plane<A> operand{dy_operand_, row_stride<A>(plan.out)};
    if constexpr (std::is_same_v<A, float>) operand = dy;
    operands_.outer(rows, plan.out, plan.in, operand.data, operand.stride, dy_transposed_, x.data,
                    x.stride, x_scratch_, gradients_ + plan.gradient, plan.stride);
    if (dx.data == nullptr) return;
    operands_.backward(rows, operand.data, operand.stride, pass_->weights[plan], 0, plan.out, onto,
                       dx.data, dx.stride);
}

template <class A>
void Layers<A>::norm(const NormPlan& plan, int rows, Plane<float> x, Plane<float> y,
                     Plane<A> operand, float* statistics) const {
    operands_.layer_norm(rows, plan.weight.width, x.data, x.stride, weight(plan.weight),
                         weight(plan.bias), kBlockEpsilon, y.data, y.stride, operand.data,
                         operand.stride, statistics);
}

template <class A>
void Layers<A>::norm_backward(const NormPlan& plan, int rows, Plane<float> dy, Plane<float> x,
                              const float* statistics, bool add, Plane<float> dx) const {
    kernels_.layer_norm_backward(rows, plan.weight.width, dy.data, dy.stride, x.data, x.stride,
                                 statistics, weight(plan.weight), add, dx.data, dx.stride,
                                 gradient(plan.weight), gradient(plan.bias));
}

template <class A>
Keep Layers<A>::fill(Purpose purpose, int pass, int layer, float rate, int64_t first, int64_t count,
                     Keep keep) const {
    if (rate == 0.0f) return nullptr;
    kernels_.keep(pass_->stream(purpose, pass, layer), first, count, dropout_threshold(rate), keep);
    return keep;
}

template <class A>
Keep Layers<A>::hidden_keep(Purpose purpose, int pass, int layer, int64_t first, int64_t count,
                            Keep keep) const {
    return fill(purpose, pass, layer, pass_->options.dropout, first, count, keep);
}

template <class A>
Keep Layers<A>::attention_keep(Purpose purpose, int pass, int layer, int64_t first, int64_t count,
                               Keep keep) const {
    return fill(purpose, pass, layer, pass_->options.attention_dropout, first, count, keep);
}

// The vocabulary is passed twice in tiles: for the sum of exponentials, then for the gradient.
// Logits are kept in between: reading them back from a cache takes a fraction of computing them
// again.
template <class A>
void Layers<A>::cross_entropy(int rows, Plane<float> x, const int32_t* targets,
                              const float* coefficient, float* nll, Plane<float> dx) {
    const LinearPlan& plan = plan_.logits;
    const Matrix<A>& matrix = pass_->weights[plan];
    const float smoothing = pass_->options.label_smoothing;
    operands_.to_operand(rows, plan.in, x.data, x.stride, nullptr, 1.0f, rounded_.data,
                         rounded_.stride);

    std::fill_n(maximum_, rows, -std::numeric_limits<float>::infinity());
    std::fill_n(total_, rows, 0.0);
    std::fill_n(nll, rows, 0.0f);
    for (int first = 0; first < plan.out; first += kVocabularyTile) {
        const int count = std::min(kVocabularyTile, plan.out - first);
        const Plane<float> logits = logits_[static_cast<size_t>(first / kVocabularyTile)];
        operands_.forward(rows, rounded_.data, rounded_.stride, matrix, first, count,
                          Epilogue::store, logits.data, logits.stride);
        kernels_.accumulate_exp(rows, count, logits.data, logits.stride, maximum_, total_);
        for (int r = 0; r < rows; ++r) {
            const float* row = logits.row(r);
            if (targets[r] >= first && targets[r] < first + count)
                chosen_[r] = row[targets[r] - first];
            if (smoothing == 0.0f) continue;
            float sum = 0;
            for (int c = 0; c < count; ++c) sum += row[c];
            nll[r] += sum;  // becomes the loss below
        }
    }
    for (int r = 0; r < rows; ++r) {
        const float beyond = static_cast<float>(std::log(total_[r])),
                    mean = nll[r] / static_cast<float>(plan.out);
        nll[r] = maximum_[r] - chosen_[r] + beyond + smoothing * (chosen_[r] - mean);
        log_total_[r] = maximum_[r] + beyond;
    }
    if (!pass_->backward()) return;

    for (int first = 0; first < plan.out; first += kVocabularyTile) {
        const int count = std::min(kVocabularyTile, plan.out - first);
        const Plane<float> logits = logits_[static_cast<size_t>(first / kVocabularyTile)];
        kernels_.softmax_gradient(rows, count, padded(count), log_total_, coefficient,
                                  smoothing / static_cast<float>(plan.out), logits.data,
                                  logits.stride);
        for (int r = 0; r < rows; ++r) {
            if (targets[r] >= first && targets[r] < first + count) {
                logits.row(r)[targets[r] - first] -= (1.0f - smoothing) * coefficient[r];
            }
        }
        float* const bias = pass_->chain_only ? nullptr : gradients_ + plan.bias_gradient + first;
        operands_.to_operands(rows, count, logits.data, logits.stride, dy_operand_, dy_transposed_,
                              bias);
        Plane<A> operand{dy_operand_, row_stride<A>(count)};
        if constexpr (std::is_same_v<A, float>) operand = logits;
        operands_.backward(rows, operand.data, operand.stride, matrix, first, count,
                           first == 0 ? Onto::zero : Onto::result, dx.data, dx.stride);
        if (pass_->chain_only) continue;
        operands_.outer(rows, count, plan.in, operand.data, operand.stride, dy_transposed_,
                        rounded_.data, rounded_.stride, x_scratch_,
                        gradients_ + plan.gradient + static_cast<int64_t>(first) * plan.stride,
                        plan.stride);
    }
}

template class Layers<float>;
template class Layers<bf16>;

}  // namespace ardiff::training
