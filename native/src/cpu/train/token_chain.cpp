#include "cpu/train/token_chain.h"

#include <algorithm>

namespace ardiff::training {

template <class A>
TokenChain<A>::TokenChain(const Plan& plan, Layers<A>& layers, Arena& arena, const Extent& extent)
    : plan_(plan), layers_(layers) {
    const int inner = plan.config.token_chain, channels = plan.config.embedding;
    if (inner == 0) return;
    const int64_t tokens = static_cast<int64_t>(extent.rows) * extent.slots;
    tokens_ = arena.values<int32_t>(tokens);
    for (Plane<float>* plane : {&joined_, &djoined_})
        *plane = arena.plane<float>(tokens, 2 * channels);
    for (Plane<float>* plane : {&output_, &doutput_}) *plane = arena.plane<float>(tokens, channels);
    for (Plane<float>* plane : {&inner_, &dinner_}) *plane = arena.plane<float>(tokens, inner);
    joined_operand_ = arena.plane<A>(tokens, 2 * channels);
    activated_ = arena.plane<A>(tokens, inner);
}

template <class A>
void TokenChain<A>::forward(const Chunk& chunk, const float* table, Plane<float> x0) {
    const TrainingBatch& batch = *chunk.batch;
    const int64_t channels = plan_.config.embedding;
    const int64_t slot = static_cast<int64_t>(chunk.first_row) * batch.slots;
    count_ = 0;
    for (int token = 0; token < chunk.tokens(); ++token) {
        if (batch.timesteps[slot + token] == 0) continue;
        float* row = joined_.row(count_);
        std::copy_n(x0.row(token), channels, row);
        std::copy_n(table + batch.left_ids[slot + token] * channels, channels, row + channels);
        tokens_[count_++] = token;
    }
    if (count_ == 0) return;
    const OperandKernels<A>& o = layers_.operands();
    const int inner = plan_.config.token_chain;
    o.to_operand(count_, 2 * plan_.config.embedding, joined_.data, joined_.stride, nullptr, 1.0f,
                 joined_operand_.data, joined_operand_.stride);
    layers_.linear(plan_.token_chain_0, count_, joined_operand_, inner_);
    o.activate(Activation::gelu, count_, inner, inner_.data, inner_.stride, activated_.data,
               activated_.stride);
    layers_.linear(plan_.token_chain_2, count_, activated_, output_);
    for (int i = 0; i < count_; ++i) {
        float *to = x0.row(tokens_[i]), *from = output_.row(i);
        for (int64_t c = 0; c < channels; ++c) to[c] += from[c];
    }
}

template <class A>
void TokenChain<A>::backward(const Chunk& chunk, Plane<float> gradient, float* left_gradients) {
    if (count_ == 0) return;
    const int64_t channels = plan_.config.embedding;
    const int inner = plan_.config.token_chain;
    for (int i = 0; i < count_; ++i)
        std::copy_n(gradient.row(tokens_[i]), channels, doutput_.row(i));
    layers_.linear_backward(plan_.token_chain_2, count_, doutput_, activated_, dinner_);
    layers_.kernels().activate_backward(Activation::gelu, count_, inner, inner_.data, inner_.stride,
                                        dinner_.data, dinner_.stride);
    layers_.linear_backward(plan_.token_chain_0, count_, dinner_, joined_operand_, djoined_);
    for (int i = 0; i < count_; ++i) {
        const float* row = djoined_.row(i);
        float* own = gradient.row(tokens_[i]);
        float* left = left_gradients + tokens_[i] * channels;
        for (int64_t c = 0; c < channels; ++c) {
            own[c] += row[c];
            left[c] += row[channels + c];
        }
    }
}

template class TokenChain<float>;
template class TokenChain<bf16>;

}  // namespace ardiff::training
