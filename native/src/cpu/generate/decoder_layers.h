// The parts of the decoder that generation by steps and by drafts share: everything but what slots
// hold and what their attention looks at (SPEC section 4). `w` is either one's workspace.
#pragma once

#include <cstring>

#include "cpu/generate/operands.h"
#include "cpu/generate/weights.h"

namespace ardiff::cpu {

// The rows in w.input, [slots][input channels], through the input projection into the residual
// stream.
template <class A, class W>
void project_input(const Weights& weights, int slots, W& w) {
    const NetworkConfig& c = weights.config;
    const int wide = padded(2 * c.hidden);
    matmul(weights.kernels, slots, as<A>(w.input), padded(c.input_channels()), weights.input_0,
           Epilogue::tanh, as<A>(w.wide), wide);
    matmul(weights.kernels, slots, as<A>(w.wide), wide, weights.input_2, Epilogue::store,
           w.hidden.get(), padded(c.hidden));
}

// One block over the residual stream in w.hidden. attend_self() and attend_cross() read the queries
// (and keys and values) of w.projected and write what they mix into w.normal.
template <class A, class W, class Self, class Cross>
void decoder_block(const Weights& weights, const DecoderBlock& block, int slots, W& w,
                   Self&& attend_self, Cross&& attend_cross) {
    const Kernels& kernels = weights.kernels;
    const int d = weights.config.hidden, stride = padded(d), projected = padded(3 * d),
              wide = padded(4 * d);
    float* hidden = w.hidden.get();
    A* normal = as<A>(w.normal);

    normalise(kernels, slots, d, block.norm1, hidden, normal, false);
    matmul(kernels, slots, normal, stride, block.query_key_value, Epilogue::store,
           w.projected.get(), projected);
    attend_self();
    matmul(kernels, slots, normal, stride, block.attention_output, Epilogue::accumulate, hidden,
           stride);

    normalise(kernels, slots, d, block.norm2, hidden, normal, false);
    matmul(kernels, slots, normal, stride, block.cross_query, Epilogue::store, w.projected.get(),
           projected);
    attend_cross();
    matmul(kernels, slots, normal, stride, block.cross_output, Epilogue::accumulate, hidden,
           stride);

    normalise(kernels, slots, d, block.norm3, hidden, normal, false);
    matmul(kernels, slots, normal, stride, block.feed_forward_in, Epilogue::geglu, as<A>(w.wide),
           wide);
    matmul(kernels, slots, as<A>(w.wide), wide, block.feed_forward_out, Epilogue::accumulate,
           hidden, stride);
}

// From the residual stream to x0_hat, in w.x0.
template <class A, class W>
void project_output(const Weights& weights, int slots, W& w) {
    const NetworkConfig& c = weights.config;
    const int stride = padded(c.hidden), wide = padded(2 * c.hidden);
    float* hidden = w.hidden.get();
    if (!c.has_output_projection()) {
        std::memcpy(w.x0.get(), hidden, static_cast<size_t>(slots) * stride * sizeof(float));
        return;
    }
    A* normal = as<A>(w.normal);
    convert(weights.kernels, slots, stride, hidden, normal);
    matmul(weights.kernels, slots, normal, stride, weights.output_0, Epilogue::tanh, as<A>(w.wide),
           wide);
    matmul(weights.kernels, slots, as<A>(w.wide), wide, weights.output_2, Epilogue::store,
           w.x0.get(), padded(c.embedding));
}

}  // namespace ardiff::cpu
