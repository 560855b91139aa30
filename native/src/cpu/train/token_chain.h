// The chain head on one thread, both directions: makes the prediction of a slot that waits fit the
// token left of it, x0_hat + W2 gelu(W1 [x0_hat ; embedding of the left token]).
#pragma once

#include "cpu/train/layers.h"

namespace ardiff::training {

template <class A>
class TokenChain {
  public:
    // Takes no memory where the network has no chain.
    TokenChain(const Plan& plan, Layers<A>& layers, Arena& arena, const Extent& extent);

    // x0_hat [tokens][C]: the rows of slots that have not settled are replaced. `table` [V,C].
    void forward(const Chunk& chunk, const float* table, Plane<float> x0);

    // `gradient` [tokens][C] of what forward left becomes that of what it was given; left_gradients
    // [tokens][C] is added to.
    void backward(const Chunk& chunk, Plane<float> gradient, float* left_gradients);

  private:
    const Plan& plan_;
    Layers<A>& layers_;
    int32_t* tokens_;  // those of the chunk that have not settled, [count_]
    int count_ = 0;
    Plane<float> joined_, inner_, output_, doutput_, dinner_, djoined_;
    Plane<A> joined_operand_, activated_;
};

}  // namespace ardiff::training
