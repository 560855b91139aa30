// The encoder on one thread, both directions (SPEC section 4).
#pragma once

#include <vector>

#include "cpu/train/layers.h"

namespace ardiff::training {

template <class A>
class Encoder {
  public:
    Encoder(const Plan& plan, Layers<A>& layers, Arena& arena, const Extent& extent);

    void forward(const Chunk& chunk);
    // Output [source tokens][d] as the decoder's operand.
    Plane<A> output() const {
        return states_.empty() ? input_operand_ : states_.back().output_operand;
    }

    // `gradient` [source tokens][d] of the output is overwritten. The gradient of every token's
    // embedding goes to word_gradients [B*L][d].
    void backward(const Chunk& chunk, Plane<float> gradient, float* word_gradients);

  private:
    // What backward needs of one layer.
    struct State {
        Plane<float> query_key_value, mixed, hidden, inner, summed, output;
        Plane<A> context, hidden_operand, activated, output_operand;
        float *probabilities, *mixed_statistics, *summed_statistics;
        Keep attention_memory, mixed_memory, summed_memory;
        Keep attention_keep, mixed_keep, summed_keep;
    };

    // Dropout mask of the chunk's tokens.
    Keep token_keep(const Chunk& chunk, Purpose purpose, int layer, Keep memory) const;
    Keep attention_keep(const Chunk& chunk, int layer, Keep memory) const;
    AttentionInputs attention_of(const Chunk& chunk, const State& state, int row) const;
    void mask_keys(const Chunk& chunk);
    Plane<float> input_of(size_t layer) const {
        return layer == 0 ? input_ : states_[layer - 1].output;
    }
    Plane<A> operand_of(size_t layer) const {
        return layer == 0 ? input_operand_ : states_[layer - 1].output_operand;
    }

    const Plan& plan_;
    Layers<A>& layers_;
    const int width_;
    Plane<float> embedded_, input_;
    Plane<A> input_operand_;
    float* input_statistics_;
    Keep input_memory_, input_keep_ = nullptr;
    std::vector<State> states_;
    float* key_bias_;
    bool has_holes_ = false;  // a masked position before the last unmasked one
    Plane<float> dropped_, dinner_, dcontext_, dquery_key_value_, dhidden_;
};

}  // namespace ardiff::training
