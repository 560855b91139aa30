#include "cpu/train/decoder.h"

#include <algorithm>

#include "cpu/train/slot_mask.h"

namespace ardiff::training {

namespace {

void copy(int rows, int width, Plane<float> from, Plane<float> to) {
    for (int r = 0; r < rows; ++r)
        std::memcpy(to.row(r), from.row(r), static_cast<size_t>(width) * sizeof(float));
}

}  // namespace

template <class A>
Decoder<A>::Decoder(const Plan& plan, Layers<A>& layers, Arena& arena, const Extent& extent)
    : plan_(plan), config_(plan.config), layers_(layers) {
    const int64_t tokens = static_cast<int64_t>(extent.rows) * extent.slots;
    const int64_t source = static_cast<int64_t>(extent.rows) * extent.length;
    const int64_t queries = tokens * config_.heads;
    const int d = config_.hidden, ffn = config_.decoder_ffn(), t = config_.time_channels;

    input_operand_ = arena.plane<A>(tokens, config_.input_channels());
    input_inner_ = arena.plane<float>(tokens, 2 * d);
    input_activated_ = arena.plane<A>(tokens, 2 * d);
    embedded_ = arena.plane<float>(tokens, d);
    input_statistics_ = arena.values<float>(2 * tokens);
    input_memory_ = arena.values<uint8_t>(tokens * d);
    if (config_.time != ARDIFF_TIME_NONE) raw_time_ = arena.plane<float>(tokens, t);
    if (config_.time == ARDIFF_TIME_ADDITIVE) {
        time_ = arena.plane<A>(tokens, t);
        time_inner_ = arena.plane<float>(tokens, 4 * t);
        time_activated_ = arena.plane<A>(tokens, 4 * t);
        time_output_ = arena.plane<float>(tokens, d);
    }
    Plane<float> stream = arena.plane<float>(tokens, d);
    for (size_t i = 0; i < plan.decoder.size(); ++i) {
        State state{};
        state.input = stream;
        state.attended = arena.plane<float>(tokens, d);
        state.crossed = arena.plane<float>(tokens, d);
        state.output = stream = arena.plane<float>(tokens, d);
        for (Plane<A>* norm : {&state.norm1, &state.norm2, &state.norm3})
            *norm = arena.plane<A>(tokens, d);
        for (float** statistics : {&state.statistics1, &state.statistics2, &state.statistics3}) {
            *statistics = arena.values<float>(2 * tokens);
        }
        state.query_key_value = arena.plane<float>(tokens, 3 * d);
        state.cross_query = arena.plane<float>(tokens, d);
        state.cross_key_value = arena.plane<float>(source, 2 * d);
        state.context = arena.plane<A>(tokens, d);
        state.cross_context = arena.plane<A>(tokens, d);
        state.probabilities = arena.values<float>(queries * padded(extent.slots));
        state.cross_probabilities = arena.values<float>(queries * padded(extent.length));
        if (config_.has_time_keys()) {
            state.time = arena.plane<A>(tokens, t);
            state.time_inner = arena.plane<float>(tokens, 4 * t);
            state.time_activated = arena.plane<A>(tokens, 4 * t);
            state.time_key = arena.plane<float>(tokens, d);
            state.time_memory = arena.values<uint8_t>(tokens * t);
        }
        state.halves = arena.plane<float>(tokens, 2 * ffn);
        state.inner = arena.plane<A>(tokens, ffn);
        state.attention_memory = arena.values<uint8_t>(queries * extent.slots);
        state.cross_attention_memory = arena.values<uint8_t>(queries * extent.length);
        state.attended_memory = arena.values<uint8_t>(tokens * d);
        state.crossed_memory = arena.values<uint8_t>(tokens * d);
        state.inner_memory = arena.values<uint8_t>(tokens * ffn);
        states_.push_back(state);
    }
    final_ = stream;
    if (config_.has_output_projection()) {
        final_operand_ = arena.plane<A>(tokens, d);
        output_inner_ = arena.plane<float>(tokens, 2 * d);
        output_activated_ = arena.plane<A>(tokens, 2 * d);
        output_ = arena.plane<float>(tokens, config_.embedding);
    }
    slot_bias_ = arena.values<float>(tokens + kPad);
    source_bias_ = arena.values<float>(source + kPad);
    pair_bias_ = arena.values<float>(tokens * padded(extent.slots) + kPad);

    gradient_ = arena.plane<float>(tokens, d);
    narrow_ = arena.plane<float>(tokens, d);
    wide_ = arena.plane<float>(tokens, ffn);
    dquery_key_value_ = arena.plane<float>(tokens, 3 * d);
    dtime_key_ = arena.plane<float>(tokens, d);
    dtime_inner_ = arena.plane<float>(tokens, 4 * t);
    dcross_key_value_ = arena.plane<float>(source, 2 * d);
    dinput_ = arena.plane<float>(tokens, config_.input_channels());
}

template <class A>
TimeKey Decoder<A>::time_key() const {
    switch (config_.time) {
        case ARDIFF_TIME_TXL: return TimeKey::txl;
        case ARDIFF_TIME_ROTARY: return TimeKey::rotary;
        case ARDIFF_TIME_ADDITIVE:
        case ARDIFF_TIME_NONE: return TimeKey::none;
    }
    return TimeKey::none;
}

template <class A>
Keep Decoder<A>::token_keep(const Chunk& chunk, Purpose purpose, int pass, int layer, int width,
                            Keep memory) const {
    const int64_t each = static_cast<int64_t>(chunk.slots()) * width;
    return layers_.hidden_keep(purpose, pass, layer, chunk.first_row * each, chunk.rows * each,
                               memory);
}

// The row of the position table that a slot has.
template <class A>
int Decoder<A>::position(const Chunk& chunk, int token) const {
    const int slot = token % chunk.slots();
    return chunk.batch->positions == nullptr ? slot : chunk.batch->positions[slot];
}

template <class A>
void Decoder<A>::prepare(const Chunk& chunk, Plane<A> encoded) {
    const TrainingBatch& batch = *chunk.batch;
    const int64_t first_slot = static_cast<int64_t>(chunk.first_row) * batch.slots;
    const int t = config_.time_channels;
    pairs_masked_ = batch.attention_mask != nullptr;
    slots_masked_ = batch.key_mask != nullptr && !pairs_masked_;
    if (slots_masked_) mask_keys(chunk, slot_bias_);
    if (pairs_masked_) mask_pairs(chunk, pair_bias_);
    for (int token = 0; token < chunk.tokens() && config_.time != ARDIFF_TIME_NONE; ++token) {
        const float* embedding =
            layers_.pass().time_table +
            static_cast<int64_t>(batch.timesteps[first_slot + token]) * padded(t);
        std::memcpy(raw_time_.row(token), embedding, static_cast<size_t>(t) * sizeof(float));
    }
    source_masked_ = false;
    for (int r = 0, token = 0; r < chunk.rows; ++r) {
        const uint8_t* mask = batch.mask + static_cast<int64_t>(chunk.first_row + r) * batch.length;
        for (int l = 0; l < chunk.source_length(r); ++l, ++token) {
            source_bias_[token] = mask[l] != 0 ? 0.0f : kMaskedScore;
            source_masked_ = source_masked_ || mask[l] == 0;
        }
    }
    for (size_t i = 0; i < states_.size(); ++i) {
        layers_.linear(plan_.decoder[i].cross_key_value, chunk.source_tokens(), encoded,
                       states_[i].cross_key_value);
    }
}

// ---------------------------------------------------------------- input

template <class A>
void Decoder<A>::embed(const Chunk& chunk, Plane<float> input, int pass) {
    const int tokens = chunk.tokens(), d = config_.hidden;
    const OperandKernels<A>& o = layers_.operands();
    if (config_.input_projection) {
        o.to_operand(tokens, config_.input_channels(), input.data, input.stride, nullptr, 1.0f,
                     input_operand_.data, input_operand_.stride);
        layers_.linear(plan_.input_0, tokens, input_operand_, input_inner_);
        o.activate(Activation::tanh, tokens, 2 * d, input_inner_.data, input_inner_.stride,
                   input_activated_.data, input_activated_.stride);
        layers_.linear(plan_.input_2, tokens, input_activated_, embedded_);
    } else {
        copy(tokens, d, input, embedded_);
    }
    if (config_.time == ARDIFF_TIME_ADDITIVE) {
        const int t = config_.time_channels;
        o.to_operand(tokens, t, raw_time_.data, raw_time_.stride, nullptr, 1.0f, time_.data,
                     time_.stride);
        layers_.linear(plan_.time_0, tokens, time_, time_inner_);
        o.activate(Activation::silu, tokens, 4 * t, time_inner_.data, time_inner_.stride,
                   time_activated_.data, time_activated_.stride);
        layers_.linear(plan_.time_2, tokens, time_activated_, time_output_);
        layers_.kernels().add_dropped(tokens, d, embedded_.data, embedded_.stride,
                                      time_output_.data, time_output_.stride, nullptr, 1.0f,
                                      embedded_.data, embedded_.stride);
    }
    const float* positions = layers_.weight(plan_.positions);
    for (int token = 0; token < tokens; ++token) {
        const float* added = positions + static_cast<int64_t>(position(chunk, token)) * d;
        float* row = embedded_.row(token);
        for (int c = 0; c < d; ++c) row[c] += added[c];
    }
    const Plane<float> hidden = states_.front().input;
    layers_.norm(plan_.input_norm, tokens, embedded_, hidden, {}, input_statistics_);
    input_keep_ = token_keep(chunk, Purpose::decoder_input, pass, 0, d, input_memory_);
    layers_.kernels().of_float.to_operand(tokens, d, hidden.data, hidden.stride, input_keep_,
                                          layers_.hidden_scale(), hidden.data, hidden.stride);
}

// `gradient` is that of the first block's input.
template <class A>
void Decoder<A>::embed_backward(const Chunk& chunk, Plane<float> gradient) {
    const Kernels& k = layers_.kernels();
    const int tokens = chunk.tokens(), d = config_.hidden;
    k.of_float.to_operand(tokens, d, gradient.data, gradient.stride, input_keep_,
                          layers_.hidden_scale(), gradient.data, gradient.stride);
    layers_.norm_backward(plan_.input_norm, tokens, gradient, embedded_, input_statistics_, false,
                          narrow_);
    for (int token = 0; token < tokens; ++token) {
        float* sum = layers_.gradient(plan_.positions) +
                     static_cast<int64_t>(position(chunk, token)) * plan_.positions.stride;
        const float* row = narrow_.row(token);
        for (int c = 0; c < d; ++c) sum[c] += row[c];
    }
    if (config_.time == ARDIFF_TIME_ADDITIVE) {
        layers_.linear_backward(plan_.time_2, tokens, narrow_, time_activated_, dtime_inner_);
        k.activate_backward(Activation::silu, tokens, 4 * config_.time_channels, time_inner_.data,
                            time_inner_.stride, dtime_inner_.data, dtime_inner_.stride);
        layers_.linear_backward(plan_.time_0, tokens, dtime_inner_, time_, {});
    }
    if (config_.input_projection) {
        layers_.linear_backward(plan_.input_2, tokens, narrow_, input_activated_, wide_);
        k.activate_backward(Activation::tanh, tokens, 2 * d, input_inner_.data, input_inner_.stride,
                            wide_.data, wide_.stride);
        layers_.linear_backward(plan_.input_0, tokens, wide_, input_operand_, dinput_);
    } else {
        copy(tokens, d, narrow_, dinput_);
    }
}

// ---------------------------------------------------------------- self-attention

template <class A>
AttentionInputs Decoder<A>::self_inputs(const Chunk& chunk, const State& state, int row) const {
    const int slots = chunk.slots(), first = row * slots, d = config_.hidden, heads = config_.heads;
    const DecoderBlockPlan& plan = plan_.decoder[static_cast<size_t>(&state - states_.data())];
    AttentionInputs in{};
    in.queries = in.keys = slots;
    in.heads = heads;
    in.head_size = config_.head_size();
    in.q = state.query_key_value.row(first);
    in.k = in.q + d;
    in.v = in.q + 2 * d;
    in.q_stride = in.kv_stride = state.query_key_value.stride;
    in.key_bias = slots_masked_ ? slot_bias_ + first : nullptr;
    in.pair_bias =
        pairs_masked_ ? pair_bias_ + static_cast<int64_t>(first) * padded(slots) : nullptr;
    in.time_key = time_key();
    if (in.time_key != TimeKey::none) {
        in.time = state.time_key.row(first);
        in.time_stride = state.time_key.stride;
    }
    if (in.time_key == TimeKey::txl) {
        in.r_w = layers_.weight(plan.r_w);
        in.r_r = layers_.weight(plan.r_r);
    }
    if (state.attention_keep != nullptr)
        in.keep = state.attention_keep + static_cast<int64_t>(first) * heads * slots;
    in.keep_head = slots * slots;
    in.keep_stride = slots;
    in.keep_scale = layers_.attention_scale();
    in.probabilities = state.probabilities + static_cast<int64_t>(first) * heads * padded(slots);
    in.scratch = layers_.attention_scratch();
    return in;
}

template <class A>
void Decoder<A>::self_attention(const Chunk& chunk, int layer, int pass) {
    const DecoderBlockPlan& plan = plan_.decoder[static_cast<size_t>(layer)];
    State& state = states_[static_cast<size_t>(layer)];
    const OperandKernels<A>& o = layers_.operands();
    const int tokens = chunk.tokens(), slots = chunk.slots(), d = config_.hidden,
              t = config_.time_channels;

    layers_.norm(plan.norm1, tokens, state.input, {}, state.norm1, state.statistics1);
    layers_.linear(plan.query_key_value, tokens, state.norm1, state.query_key_value);
    if (time_key() != TimeKey::none) {
        const Keep keep =
            token_keep(chunk, Purpose::decoder_time, pass, layer, t, state.time_memory);
        o.to_operand(tokens, t, raw_time_.data, raw_time_.stride, keep, layers_.hidden_scale(),
                     state.time.data, state.time.stride);
        layers_.linear(plan.time_0, tokens, state.time, state.time_inner);
        o.activate(Activation::silu, tokens, 4 * t, state.time_inner.data, state.time_inner.stride,
                   state.time_activated.data, state.time_activated.stride);
        layers_.linear(plan.time_2, tokens, state.time_activated, state.time_key);
    }
    const int64_t each = static_cast<int64_t>(config_.heads) * slots * slots;
    state.attention_keep =
        layers_.attention_keep(Purpose::decoder_attention, pass, layer, chunk.first_row * each,
                               chunk.rows * each, state.attention_memory);
    for (int r = 0; r < chunk.rows; ++r) {
        o.attend(self_inputs(chunk, state, r), state.context.row(r * slots), state.context.stride);
    }
    layers_.linear(plan.attention_output, tokens, state.context, narrow_);
    state.attended_keep =
        token_keep(chunk, Purpose::decoder_attention_output, pass, layer, d, state.attended_memory);
    layers_.kernels().add_dropped(tokens, d, state.input.data, state.input.stride, narrow_.data,
                                  narrow_.stride, state.attended_keep, layers_.hidden_scale(),
                                  state.attended.data, state.attended.stride);
}

template <class A>
void Decoder<A>::self_attention_backward(const Chunk& chunk, int layer) {
    const DecoderBlockPlan& plan = plan_.decoder[static_cast<size_t>(layer)];
    const State& state = states_[static_cast<size_t>(layer)];
    const Kernels& k = layers_.kernels();
    const int tokens = chunk.tokens(), slots = chunk.slots(), d = config_.hidden;

    k.of_float.to_operand(tokens, d, gradient_.data, gradient_.stride, state.attended_keep,
                          layers_.hidden_scale(), narrow_.data, narrow_.stride);
    layers_.linear_backward(plan.attention_output, tokens, narrow_, state.context, wide_);
    for (int r = 0; r < chunk.rows; ++r) {
        AttentionGradients out{};
        out.output = wide_.row(r * slots);
        out.output_stride = wide_.stride;
        out.q = dquery_key_value_.row(r * slots);
        out.k = out.q + d;
        out.v = out.q + 2 * d;
        out.q_stride = out.kv_stride = dquery_key_value_.stride;
        if (time_key() != TimeKey::none) out.time = dtime_key_.row(r * slots);
        if (time_key() == TimeKey::txl) {
            out.r_w = layers_.gradient(plan.r_w);
            out.r_r = layers_.gradient(plan.r_r);
        }
        k.attend_backward(self_inputs(chunk, state, r), out);
    }
    if (time_key() != TimeKey::none) {
        layers_.linear_backward(plan.time_2, tokens, dtime_key_, state.time_activated,
                                dtime_inner_);
        k.activate_backward(Activation::silu, tokens, 4 * config_.time_channels,
                            state.time_inner.data, state.time_inner.stride, dtime_inner_.data,
                            dtime_inner_.stride);
        layers_.linear_backward(plan.time_0, tokens, dtime_inner_, state.time, {});
    }
    layers_.linear_backward(plan.query_key_value, tokens, dquery_key_value_, state.norm1, narrow_);
    layers_.norm_backward(plan.norm1, tokens, narrow_, state.input, state.statistics1, true,
                          gradient_);
}

// ---------------------------------------------------------------- cross-attention

template <class A>
AttentionInputs Decoder<A>::cross_inputs(const Chunk& chunk, const State& state, int row) const {
    const int slots = chunk.slots(), first = row * slots, heads = config_.heads,
              limit = chunk.batch->length;
    const int source = chunk.source_offset[static_cast<size_t>(row)];
    AttentionInputs in{};
    in.queries = slots;
    in.keys = chunk.source_length(row);
    in.heads = heads;
    in.head_size = config_.head_size();
    in.q = state.cross_query.row(first);
    in.q_stride = state.cross_query.stride;
    in.k = state.cross_key_value.row(source);
    in.v = in.k + config_.hidden;
    in.kv_stride = state.cross_key_value.stride;
    in.key_bias = source_masked_ ? source_bias_ + source : nullptr;
    in.time_key = TimeKey::none;
    if (state.cross_attention_keep != nullptr) {
        in.keep = state.cross_attention_keep + static_cast<int64_t>(first) * heads * limit;
    }
    in.keep_head = slots * limit;
    in.keep_stride = limit;
    in.keep_scale = layers_.attention_scale();
    in.probabilities =
        state.cross_probabilities + static_cast<int64_t>(first) * heads * padded(limit);
    in.scratch = layers_.attention_scratch();
    return in;
}

template <class A>
void Decoder<A>::cross_attention(const Chunk& chunk, int layer, int pass) {
    const DecoderBlockPlan& plan = plan_.decoder[static_cast<size_t>(layer)];
    State& state = states_[static_cast<size_t>(layer)];
    const int tokens = chunk.tokens(), slots = chunk.slots(), d = config_.hidden;

    layers_.norm(plan.norm2, tokens, state.attended, {}, state.norm2, state.statistics2);
    layers_.linear(plan.cross_query, tokens, state.norm2, state.cross_query);
    const int64_t each = static_cast<int64_t>(config_.heads) * slots * chunk.batch->length;
    state.cross_attention_keep = layers_.attention_keep(
        Purpose::decoder_cross_attention, pass, layer, chunk.first_row * each, chunk.rows * each,
        state.cross_attention_memory);
    for (int r = 0; r < chunk.rows; ++r) {
        layers_.operands().attend(cross_inputs(chunk, state, r), state.cross_context.row(r * slots),
                                  state.cross_context.stride);
    }
    layers_.linear(plan.cross_output, tokens, state.cross_context, narrow_);
    state.crossed_keep =
        token_keep(chunk, Purpose::decoder_cross_output, pass, layer, d, state.crossed_memory);
    layers_.kernels().add_dropped(tokens, d, state.attended.data, state.attended.stride,
                                  narrow_.data, narrow_.stride, state.crossed_keep,
                                  layers_.hidden_scale(), state.crossed.data, state.crossed.stride);
}

template <class A>
void Decoder<A>::cross_attention_backward(const Chunk& chunk, int layer, Plane<A> encoded,
                                          Plane<float> dencoded) {
    const DecoderBlockPlan& plan = plan_.decoder[static_cast<size_t>(layer)];
    const State& state = states_[static_cast<size_t>(layer)];
    const Kernels& k = layers_.kernels();
    const int tokens = chunk.tokens(), slots = chunk.slots(), d = config_.hidden;

    k.of_float.to_operand(tokens, d, gradient_.data, gradient_.stride, state.crossed_keep,
                          layers_.hidden_scale(), narrow_.data, narrow_.stride);
    layers_.linear_backward(plan.cross_output, tokens, narrow_, state.cross_context, wide_);
    for (int r = 0; r < chunk.rows; ++r) {
        AttentionGradients out{};
        out.output = wide_.row(r * slots);
        out.output_stride = wide_.stride;
        out.q = narrow_.row(r * slots);
        out.q_stride = narrow_.stride;
        out.k = dcross_key_value_.row(chunk.source_offset[static_cast<size_t>(r)]);
        out.v = out.k + d;
        out.kv_stride = dcross_key_value_.stride;
        k.attend_backward(cross_inputs(chunk, state, r), out);
    }
    const bool last = layer + 1 == config_.decoder_layers;  // the first to be gone through
    layers_.linear_backward(plan.cross_key_value, chunk.source_tokens(), dcross_key_value_, encoded,
                            dencoded, last ? Onto::zero : Onto::result);
    layers_.linear_backward(plan.cross_query, tokens, narrow_, state.norm2, wide_);
    layers_.norm_backward(plan.norm2, tokens, wide_, state.attended, state.statistics2, true,
                          gradient_);
}

// ---------------------------------------------------------------- feed-forward

template <class A>
void Decoder<A>::feed_forward(const Chunk& chunk, int layer, int pass) {
    const DecoderBlockPlan& plan = plan_.decoder[static_cast<size_t>(layer)];
    State& state = states_[static_cast<size_t>(layer)];
    const int tokens = chunk.tokens(), d = config_.hidden, ffn = config_.decoder_ffn();

    layers_.norm(plan.norm3, tokens, state.crossed, {}, state.norm3, state.statistics3);
    layers_.linear(plan.feed_forward_in, tokens, state.norm3, state.halves);
    state.inner_keep =
        token_keep(chunk, Purpose::decoder_feed_forward, pass, layer, ffn, state.inner_memory);
    layers_.operands().geglu(tokens, ffn, state.halves.data, state.halves.stride, state.inner_keep,
                             layers_.hidden_scale(), state.inner.data, state.inner.stride);
    layers_.linear(plan.feed_forward_out, tokens, state.inner, narrow_);
    layers_.kernels().add_dropped(tokens, d, state.crossed.data, state.crossed.stride, narrow_.data,
                                  narrow_.stride, nullptr, 1.0f, state.output.data,
                                  state.output.stride);
}

template <class A>
void Decoder<A>::feed_forward_backward(const Chunk& chunk, int layer) {
    const DecoderBlockPlan& plan = plan_.decoder[static_cast<size_t>(layer)];
    const State& state = states_[static_cast<size_t>(layer)];
    const int tokens = chunk.tokens(), ffn = config_.decoder_ffn();

    layers_.linear_backward(plan.feed_forward_out, tokens, gradient_, state.inner, wide_);
    layers_.kernels().geglu_backward(tokens, ffn, wide_.data, wide_.stride, state.inner_keep,
                                     layers_.hidden_scale(), state.halves.data,
                                     state.halves.stride);
    layers_.linear_backward(plan.feed_forward_in, tokens, state.halves, state.norm3, narrow_);
    layers_.norm_backward(plan.norm3, tokens, narrow_, state.crossed, state.statistics3, true,
                          gradient_);
}

// ---------------------------------------------------------------- whole

template <class A>
Plane<float> Decoder<A>::forward(const Chunk& chunk, Plane<float> input, int pass) {
    const int tokens = chunk.tokens(), d = config_.hidden;
    embed(chunk, input, pass);
    for (int layer = 0; layer < config_.decoder_layers; ++layer) {
        self_attention(chunk, layer, pass);
        cross_attention(chunk, layer, pass);
        feed_forward(chunk, layer, pass);
    }
    if (!config_.has_output_projection()) return final_;
    layers_.operands().to_operand(tokens, d, final_.data, final_.stride, nullptr, 1.0f,
                                  final_operand_.data, final_operand_.stride);
    layers_.linear(plan_.output_0, tokens, final_operand_, output_inner_);
    layers_.operands().activate(Activation::tanh, tokens, 2 * d, output_inner_.data,
                                output_inner_.stride, output_activated_.data,
                                output_activated_.stride);
    layers_.linear(plan_.output_2, tokens, output_activated_, output_);
    return output_;
}

template <class A>
Plane<float> Decoder<A>::backward(const Chunk& chunk, Plane<float> doutput, Plane<A> encoded,
                                  Plane<float> dencoded) {
    const int tokens = chunk.tokens(), d = config_.hidden;
    if (config_.has_output_projection()) {
        layers_.linear_backward(plan_.output_2, tokens, doutput, output_activated_, wide_);
        layers_.kernels().activate_backward(Activation::tanh, tokens, 2 * d, output_inner_.data,
                                            output_inner_.stride, wide_.data, wide_.stride);
        layers_.linear_backward(plan_.output_0, tokens, wide_, final_operand_, gradient_);
    } else {
        copy(tokens, d, doutput, gradient_);
    }
    for (int layer = config_.decoder_layers; layer-- > 0;) {
        feed_forward_backward(chunk, layer);
        cross_attention_backward(chunk, layer, encoded, dencoded);
        self_attention_backward(chunk, layer);
    }
    embed_backward(chunk, gradient_);
    return dinput_;
}

template class Decoder<float>;
template class Decoder<bf16>;

}  // namespace ardiff::training
