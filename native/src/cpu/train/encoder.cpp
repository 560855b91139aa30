#include "cpu/train/encoder.h"

#include <algorithm>

namespace ardiff::training {

template <class A>
Encoder<A>::Encoder(const Plan& plan, Layers<A>& layers, Arena& arena, const Extent& extent)
    : plan_(plan), layers_(layers), width_(plan.config.hidden) {
    const int64_t tokens = static_cast<int64_t>(extent.rows) * extent.length;
    const int64_t pairs = static_cast<int64_t>(extent.rows) * plan.config.heads * extent.length;
    const int d = width_, ffn = plan.config.encoder_ffn;
    embedded_ = arena.plane<float>(tokens, d);
    input_ = arena.plane<float>(tokens, d);
    input_operand_ = arena.plane<A>(tokens, d);
    input_statistics_ = arena.values<float>(2 * tokens);
    input_memory_ = arena.values<uint8_t>(tokens * d);
    for (size_t i = 0; i < plan.encoder.size(); ++i) {
        State state{};
        state.query_key_value = arena.plane<float>(tokens, 3 * d);
        state.mixed = arena.plane<float>(tokens, d);
        state.hidden = arena.plane<float>(tokens, d);
        state.inner = arena.plane<float>(tokens, ffn);
        state.summed = arena.plane<float>(tokens, d);
        state.output = arena.plane<float>(tokens, d);
        state.context = arena.plane<A>(tokens, d);
        state.hidden_operand = arena.plane<A>(tokens, d);
        state.activated = arena.plane<A>(tokens, ffn);
        state.output_operand = arena.plane<A>(tokens, d);
        state.probabilities = arena.values<float>(pairs * padded(extent.length));
        state.mixed_statistics = arena.values<float>(2 * tokens);
        state.summed_statistics = arena.values<float>(2 * tokens);
        state.attention_memory = arena.values<uint8_t>(pairs * extent.length);
        state.mixed_memory = arena.values<uint8_t>(tokens * d);
        state.summed_memory = arena.values<uint8_t>(tokens * d);
        states_.push_back(state);
    }
    key_bias_ = arena.values<float>(tokens + kPad);
    dropped_ = arena.plane<float>(tokens, d);
    dinner_ = arena.plane<float>(tokens, ffn);
    dcontext_ = arena.plane<float>(tokens, d);
    dquery_key_value_ = arena.plane<float>(tokens, 3 * d);
    dhidden_ = arena.plane<float>(tokens, d);
}

template <class A>
Keep Encoder<A>::token_keep(const Chunk& chunk, Purpose purpose, int layer, Keep memory) const {
    Keep kept = nullptr;
    for (int r = 0; r < chunk.rows; ++r) {
        const int64_t first =
            static_cast<int64_t>(chunk.first_row + r) * chunk.batch->length * width_;
        const int64_t at =
            static_cast<int64_t>(chunk.source_offset[static_cast<size_t>(r)]) * width_;
        const int64_t count = static_cast<int64_t>(chunk.source_length(r)) * width_;
        if (layers_.hidden_keep(purpose, 0, layer, first, count, memory + at) != nullptr)
            kept = memory;
    }
    return kept;
}

template <class A>
Keep Encoder<A>::attention_keep(const Chunk& chunk, int layer, Keep memory) const {
    const int length = chunk.batch->length;
    const int64_t each = static_cast<int64_t>(plan_.config.heads) * length * length;
    return layers_.attention_keep(Purpose::encoder_attention, 0, layer, chunk.first_row * each,
                                  chunk.rows * each, memory);
}

template <class A>
void Encoder<A>::mask_keys(const Chunk& chunk) {
    has_holes_ = false;
    float* bias = key_bias_;
    for (int r = 0; r < chunk.rows; ++r) {
        const uint8_t* mask =
            chunk.batch->mask + static_cast<int64_t>(chunk.first_row + r) * chunk.batch->length;
        for (int l = 0; l < chunk.source_length(r); ++l) {
            *bias++ = mask[l] != 0 ? 0.0f : kMaskedScore;
            has_holes_ = has_holes_ || mask[l] == 0;
        }
    }
}

template <class A>
AttentionInputs Encoder<A>::attention_of(const Chunk& chunk, const State& state, int row) const {
    const int first = chunk.source_offset[static_cast<size_t>(row)],
              length = chunk.source_length(row);
    const int limit = chunk.batch->length, heads = plan_.config.heads;
    AttentionInputs in{};
    in.queries = in.keys = length;
    in.heads = heads;
    in.head_size = plan_.config.head_size();
    in.q = state.query_key_value.row(first);
    in.k = in.q + width_;
    in.v = in.q + 2 * width_;
    in.q_stride = in.kv_stride = state.query_key_value.stride;
    in.key_bias = has_holes_ ? key_bias_ + first : nullptr;
    in.time_key = TimeKey::none;
    if (state.attention_keep != nullptr) {
        in.keep = state.attention_keep + static_cast<int64_t>(row) * heads * limit * limit;
    }
    in.keep_head = limit * limit;
    in.keep_stride = limit;
    in.keep_scale = layers_.attention_scale();
    in.probabilities =
        state.probabilities + static_cast<int64_t>(row) * heads * limit * padded(limit);
    in.scratch = layers_.attention_scratch();
    return in;
}

template <class A>
void Encoder<A>::forward(const Chunk& chunk) {
    const Kernels& k = layers_.kernels();
    const float* flat = layers_.pass().weights.flat;
    const int tokens = chunk.source_tokens(), d = width_;
    mask_keys(chunk);

    const float* type = layers_.weight(plan_.encoder_type);
    for (int r = 0, token = 0; r < chunk.rows; ++r) {
        const int64_t row = static_cast<int64_t>(chunk.first_row + r) * chunk.batch->length;
        for (int l = 0; l < chunk.source_length(r); ++l, ++token) {
            const int64_t id = chunk.batch->mask[row + l] != 0 ? chunk.batch->ids[row + l] : 0;
            const float* word = flat + plan_.encoder_words + id * d;
            const float* position =
                layers_.weight(plan_.encoder_positions) + static_cast<int64_t>(l) * d;
            float* out = embedded_.row(token);
            for (int c = 0; c < d; ++c) out[c] = word[c] + position[c] + type[c];
        }
    }
    layers_.norm(plan_.encoder_norm, tokens, embedded_, input_, {}, input_statistics_);
    input_keep_ = token_keep(chunk, Purpose::encoder_input, 0, input_memory_);
    k.of_float.to_operand(tokens, d, input_.data, input_.stride, input_keep_,
                          layers_.hidden_scale(), input_.data, input_.stride);
    layers_.operands().to_operand(tokens, d, input_.data, input_.stride, nullptr, 1.0f,
                                  input_operand_.data, input_operand_.stride);

    for (size_t i = 0; i < states_.size(); ++i) {
        const EncoderLayerPlan& plan = plan_.encoder[i];
        State& state = states_[i];
        const int layer = static_cast<int>(i);
        const Plane<float> input = input_of(i);
        layers_.linear(plan.query_key_value, tokens, operand_of(i), state.query_key_value);
        state.attention_keep = attention_keep(chunk, layer, state.attention_memory);
        for (int r = 0; r < chunk.rows; ++r) {
            layers_.operands().attend(
                attention_of(chunk, state, r),
                state.context.row(chunk.source_offset[static_cast<size_t>(r)]),
                state.context.stride);
        }
        layers_.linear(plan.attention_output, tokens, state.context, state.mixed);
        state.mixed_keep =
            token_keep(chunk, Purpose::encoder_attention_output, layer, state.mixed_memory);
        k.add_dropped(tokens, d, input.data, input.stride, state.mixed.data, state.mixed.stride,
                      state.mixed_keep, layers_.hidden_scale(), state.mixed.data,
                      state.mixed.stride);
        layers_.norm(plan.attention_norm, tokens, state.mixed, state.hidden, state.hidden_operand,
                     state.mixed_statistics);

        layers_.linear(plan.intermediate, tokens, state.hidden_operand, state.inner);
        layers_.operands().activate(Activation::gelu, tokens, plan.intermediate.out,
                                    state.inner.data, state.inner.stride, state.activated.data,
                                    state.activated.stride);
        layers_.linear(plan.output, tokens, state.activated, state.summed);
        state.summed_keep = token_keep(chunk, Purpose::encoder_output, layer, state.summed_memory);
        k.add_dropped(tokens, d, state.hidden.data, state.hidden.stride, state.summed.data,
                      state.summed.stride, state.summed_keep, layers_.hidden_scale(),
                      state.summed.data, state.summed.stride);
        layers_.norm(plan.output_norm, tokens, state.summed, state.output, state.output_operand,
                     state.summed_statistics);
    }
}

template <class A>
void Encoder<A>::backward(const Chunk& chunk, Plane<float> gradient, float* word_gradients) {
    const Kernels& k = layers_.kernels();
    const int tokens = chunk.source_tokens(), d = width_;
    for (size_t i = states_.size(); i-- > 0;) {
        const EncoderLayerPlan& plan = plan_.encoder[i];
        const State& state = states_[i];

        layers_.norm_backward(plan.output_norm, tokens, gradient, state.summed,
                              state.summed_statistics, false, dhidden_);
        k.of_float.to_operand(tokens, d, dhidden_.data, dhidden_.stride, state.summed_keep,
                              layers_.hidden_scale(), dropped_.data, dropped_.stride);
        layers_.linear_backward(plan.output, tokens, dropped_, state.activated, dinner_);
        k.activate_backward(Activation::gelu, tokens, plan.intermediate.out, state.inner.data,
                            state.inner.stride, dinner_.data, dinner_.stride);
        layers_.linear_backward(plan.intermediate, tokens, dinner_, state.hidden_operand, dhidden_,
                                Onto::result);

        layers_.norm_backward(plan.attention_norm, tokens, dhidden_, state.mixed,
                              state.mixed_statistics, false, gradient);
        k.of_float.to_operand(tokens, d, gradient.data, gradient.stride, state.mixed_keep,
                              layers_.hidden_scale(), dropped_.data, dropped_.stride);
        layers_.linear_backward(plan.attention_output, tokens, dropped_, state.context, dcontext_);
        for (int r = 0; r < chunk.rows; ++r) {
            const int first = chunk.source_offset[static_cast<size_t>(r)];
            AttentionGradients out{};
            out.output = dcontext_.row(first);
            out.output_stride = dcontext_.stride;
            out.q = dquery_key_value_.row(first);
            out.k = out.q + d;
            out.v = out.q + 2 * d;
            out.q_stride = out.kv_stride = dquery_key_value_.stride;
            k.attend_backward(attention_of(chunk, state, r), out);
        }
        layers_.linear_backward(plan.query_key_value, tokens, dquery_key_value_, operand_of(i),
                                gradient, Onto::result);
    }

    k.of_float.to_operand(tokens, d, gradient.data, gradient.stride, input_keep_,
                          layers_.hidden_scale(), gradient.data, gradient.stride);
    layers_.norm_backward(plan_.encoder_norm, tokens, gradient, embedded_, input_statistics_, false,
                          dhidden_);
    float* dtype = layers_.gradient(plan_.encoder_type);
    for (int r = 0, token = 0; r < chunk.rows; ++r) {
        const int64_t row = static_cast<int64_t>(chunk.first_row + r) * chunk.batch->length;
        for (int l = 0; l < chunk.source_length(r); ++l, ++token) {
            const float* from = dhidden_.row(token);
            float* position = layers_.gradient(plan_.encoder_positions) +
                              static_cast<int64_t>(l) * plan_.encoder_positions.stride;
            float* word = word_gradients + (row + l) * d;
            for (int c = 0; c < d; ++c) {
                word[c] = from[c];
                position[c] += from[c];
                dtype[c] += from[c];
            }
        }
    }
}

template class Encoder<float>;
template class Encoder<bf16>;

}  // namespace ardiff::training
