#include "cpu/train/packed.h"

#include <algorithm>
#include <cstring>

namespace ardiff::training {

namespace {

constexpr float kEmbeddingEpsilon = 1e-5f;  // LayerNorm of the target embeddings

template <class A>
AlignedFloats allocate_operands(int64_t count) {
    return allocate_floats((count * static_cast<int64_t>(sizeof(A)) + 3) / 4);
}

}  // namespace

template <class A>
PackedWeights<A>::PackedWeights(const Plan& plan, const OperandKernels<A>& kernels)
    : plan_(plan), kernels_(kernels) {
    plan.for_each_linear([&](const LinearPlan& linear) { add(linear); });
    add(plan.logits);
    if (plan.config.embedding_norm) {
        table_ =
            allocate_floats(static_cast<int64_t>(plan.config.vocabulary) * plan.config.embedding);
        statistics_ = allocate_floats(int64_t{2} * plan.config.vocabulary);
    }
}

template <class A>
void PackedWeights<A>::add(const LinearPlan& plan) {
    Layer layer;
    const int64_t values = Matrix<A>::packed_values(plan.out, plan.in);
    layer.memory = allocate_operands<A>(2 * values);
    layer.bias = allocate_floats(padded(plan.out));
    A* packed = reinterpret_cast<A*>(layer.memory.get());
    layer.matrix = {packed, packed + values, layer.bias.get(), plan.out, plan.in};
    layers_.emplace(&plan, std::move(layer));
    order_.push_back(&plan);
}

template <class A>
void PackedWeights<A>::normalise_table(const float* weights, cpu::ThreadPool& pool) {
    const int rows = plan_.config.vocabulary, width = plan_.config.embedding;
    const float *weight = weights + plan_.embedding_norm.weight.flat,
                *bias = weights + plan_.embedding_norm.bias.flat;
    const int pieces = pool.size(), share = (rows + pieces - 1) / pieces;
    pool.run(pieces, [&](int piece, int) {
        const int first = std::min(rows, piece * share),
                  count = std::min(rows, first + share) - first;
        const int64_t at = static_cast<int64_t>(first) * width;
        kernels_.layer_norm(count, width, weights + plan_.target_words + at, width, weight, bias,
                            kEmbeddingEpsilon, table_.get() + at, width, nullptr, 0,
                            statistics_.get() + 2 * first);
    });
}

template <class A>
void PackedWeights<A>::pack(const float* weights, cpu::ThreadPool& pool) {
    flat = weights;
    table = weights + plan_.target_words;
    if (plan_.config.embedding_norm) {
        normalise_table(weights, pool);
        table = table_.get();
    }
    pool.run(static_cast<int>(order_.size()), [&](int index, int) {
        const LinearPlan& plan = *order_[static_cast<size_t>(index)];
        const Matrix<A>& matrix = layers_.at(&plan).matrix;
        float* bias = layers_.at(&plan).bias.get();
        for (const Block& part : plan.biases) {
            std::memcpy(bias, weights + part.flat, static_cast<size_t>(part.width) * sizeof(float));
            bias += part.width;
        }
        if (&plan == &plan_.logits) {
            kernels_.pack(table, plan.out, plan.in, matrix.forward, matrix.backward);
        } else if (plan.weights.size() == 1) {
            kernels_.pack(weights + plan.weights[0].flat, plan.out, plan.in, matrix.forward,
                          matrix.backward);
        } else {
            std::vector<float> stacked;
            for (const Block& part : plan.weights) {
                const float* first = weights + part.flat;
                stacked.insert(stacked.end(), first,
                               first + static_cast<int64_t>(part.rows) * part.width);
            }
            kernels_.pack(stacked.data(), plan.out, plan.in, matrix.forward, matrix.backward);
        }
    });
}

template class PackedWeights<float>;
template class PackedWeights<bf16>;

}  // namespace ardiff::training
