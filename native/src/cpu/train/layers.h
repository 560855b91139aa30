// The building blocks of the network on one thread: linear layers, LayerNorm, dropout, attention,
// each with its gradient. Saved activations belong to the callers.
#pragma once

#include <cstdint>

#include "core/training_random.h"
#include "cpu/train/chunk.h"
#include "cpu/train/packed.h"
#include "cpu/train/plane.h"

namespace ardiff::training {

constexpr float kBlockEpsilon = 1e-12f;
constexpr float kMaskedScore = -1e30f;
constexpr int kVocabularyTile = 512;  // logits computed at a time

// What is the same for all threads during one micro-batch.
template <class A>
struct Pass {
    const Plan& plan;
    const PackedWeights<A>& weights;
    const ardiff_training_options& options;
    const float* time_table;  // [T][padded(time channels)], sinusoidal embeddings
    NoiseKey key;
    bool chain_only = false;  // gradients of the chain head alone

    bool backward() const { return options.backward != 0; }
    Stream stream(Purpose purpose, int pass = 0, int layer = 0) const {
        return {key, random_site(purpose, pass, layer), options.step, options.micro_batch};
    }
};

// A dropout mask: one byte an element, or null.
using Keep = uint8_t*;

template <class A>
class Layers {
  public:
    Layers(const Plan& plan, const Kernels& kernels, Arena& arena, const Extent& extent);

    // Where this thread's gradients go.
    void attach(const Pass<A>& pass, float* gradients) {
        pass_ = &pass;
        gradients_ = gradients;
    }
    const Pass<A>& pass() const { return *pass_; }
    float* gradient(const Block& block) const { return gradients_ + block.local; }
    const float* weight(const Block& block) const { return pass_->weights.flat + block.flat; }

    void linear(const LinearPlan& plan, int rows, Plane<A> x, Plane<float> y) const;
    // Gradients of weights and bias from dy; dx = or += dy * W unless dx is null.
    void linear_backward(const LinearPlan& plan, int rows, Plane<float> dy, Plane<A> x,
                         Plane<float> dx, Onto onto = Onto::zero);

    // `y` and `operand` may be null planes.
    void norm(const NormPlan& plan, int rows, Plane<float> x, Plane<float> y, Plane<A> operand,
              float* statistics) const;
    // dx = or += (`add`).
    void norm_backward(const NormPlan& plan, int rows, Plane<float> dy, Plane<float> x,
                       const float* statistics, bool add, Plane<float> dx) const;

    // Fills `keep` for `count` elements from `first` on; returns null where the rate is 0.
    Keep hidden_keep(Purpose purpose, int pass, int layer, int64_t first, int64_t count,
                     Keep keep) const;
    Keep attention_keep(Purpose purpose, int pass, int layer, int64_t first, int64_t count,
                        Keep keep) const;
    float hidden_scale() const { return dropout_scale(pass_->options.dropout); }
    float attention_scale() const { return dropout_scale(pass_->options.attention_dropout); }

    float* attention_scratch() const { return attention_scratch_; }
    const Kernels& kernels() const { return kernels_; }
    const OperandKernels<A>& operands() const { return operands_; }

    // Cross-entropy of the target ids under tied logits of x [rows][C], each row weighted by
    // `coefficient`: nll [rows], and, going backward, dx = its gradient.
    void cross_entropy(int rows, Plane<float> x, const int32_t* targets, const float* coefficient,
                       float* nll, Plane<float> dx);

  private:
    Keep fill(Purpose purpose, int pass, int layer, float rate, int64_t first, int64_t count,
              Keep keep) const;

    const Plan& plan_;
    const Kernels& kernels_;
    const OperandKernels<A>& operands_;
    const Pass<A>* pass_ = nullptr;
    float* gradients_ = nullptr;

    A *dy_operand_, *dy_transposed_, *x_scratch_;
    float* attention_scratch_;
    std::vector<Plane<float>> logits_;  // one a tile of the vocabulary
    Plane<A> rounded_;
    float *maximum_, *chosen_, *log_total_;
    double* total_;
};

}  // namespace ardiff::training
