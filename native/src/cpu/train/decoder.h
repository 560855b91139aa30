// The decoder on one thread, both directions (SPEC section 4).
#pragma once

#include <vector>

#include "cpu/train/layers.h"

namespace ardiff::training {

template <class A>
class Decoder {
  public:
    Decoder(const Plan& plan, Layers<A>& layers, Arena& arena, const Extent& extent);

    // Keys and values of cross-attention from the encoder's output, and all that depends only on
    // the timesteps. Before the first forward of a chunk.
    void prepare(const Chunk& chunk, Plane<A> encoded);

    // input [tokens][input channels], already scaled -> x0_hat [tokens][C]. `pass` counts dropout.
    Plane<float> forward(const Chunk& chunk, Plane<float> input, int pass);

    // Gradients of the last forward from that of x0_hat: of the input [tokens][input channels],
    // and, added up over blocks, of the encoder's output (both set).
    Plane<float> backward(const Chunk& chunk, Plane<float> doutput, Plane<A> encoded,
                          Plane<float> dencoded);

  private:
    // What backward needs of one block.
    struct State {
        Plane<float> input, attended, crossed,
            output;  // the residual stream; output is the next input
        Plane<A> norm1, norm2, norm3;
        float *statistics1, *statistics2, *statistics3;
        Plane<float> query_key_value, cross_query, cross_key_value;
        Plane<A> context, cross_context;
        float *probabilities, *cross_probabilities;
        Plane<A> time, time_activated;
        Plane<float> time_inner, time_key;
        Plane<float> halves;
        Plane<A> inner;
        Keep attention_memory, attended_memory, cross_attention_memory, crossed_memory, time_memory,
            inner_memory;
        Keep attention_keep, attended_keep, cross_attention_keep, crossed_keep, inner_keep;
    };

    int position(const Chunk& chunk, int token) const;
    void embed(const Chunk& chunk, Plane<float> input, int pass);
    void embed_backward(const Chunk& chunk, Plane<float> gradient);
    void self_attention(const Chunk& chunk, int layer, int pass);
    void self_attention_backward(const Chunk& chunk, int layer);
    void cross_attention(const Chunk& chunk, int layer, int pass);
    void cross_attention_backward(const Chunk& chunk, int layer, Plane<A> encoded,
                                  Plane<float> dencoded);
    void feed_forward(const Chunk& chunk, int layer, int pass);
    void feed_forward_backward(const Chunk& chunk, int layer);
    AttentionInputs self_inputs(const Chunk& chunk, const State& state, int row) const;
    AttentionInputs cross_inputs(const Chunk& chunk, const State& state, int row) const;
    Keep token_keep(const Chunk& chunk, Purpose purpose, int pass, int layer, int width,
                    Keep memory) const;
    TimeKey time_key() const;

    const Plan& plan_;
    const NetworkConfig& config_;
    Layers<A>& layers_;

    Plane<A> input_operand_, input_activated_;
    Plane<float> input_inner_, embedded_;
    float* input_statistics_;
    Keep input_memory_, input_keep_ = nullptr;
    Plane<float> raw_time_;  // [tokens][time channels]
    Plane<A> time_, time_activated_;
    Plane<float> time_inner_, time_output_;
    std::vector<State> states_;
    Plane<float> final_, output_inner_, output_;
    Plane<A> final_operand_, output_activated_;
    float *slot_bias_, *source_bias_;  // scores of masked keys
    float* pair_bias_;                 // [rows][queries][padded(slots)], scores of masked pairs
    bool slots_masked_ = false, pairs_masked_ = false, source_masked_ = false;

    Plane<float> gradient_, narrow_, wide_, dquery_key_value_, dtime_key_, dtime_inner_,
        dcross_key_value_, dinput_;
};

}  // namespace ardiff::training
