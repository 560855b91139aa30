// What decoding needs of a model besides the network's weights, made when it is first asked for.
#pragma once

#include "cpu/generate/weights.h"

namespace ardiff::cpu {

struct DecodingWeights {
    explicit DecodingWeights(const Weights& weights);

    // Target embeddings as a layer from predictions to logits, lm_head.bias being its bias,
    // -infinity up to padded(V). float32 whatever the network's type, as predictions are.
    TokenTable tokens;

  private:
    AlignedFloats packed_, screen_;
};

}  // namespace ardiff::cpu
