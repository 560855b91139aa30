// Weights in the form the kernels multiply with; made anew after every update.
#pragma once

#include <unordered_map>
#include <vector>

#include "core/parameters.h"
#include "cpu/threads.h"
#include "cpu/train/plane.h"
#include "cpu/train/plan.h"

namespace ardiff::training {

template <class A>
class PackedWeights {
  public:
    PackedWeights(const Plan& plan, const OperandKernels<A>& kernels);

    // Packs flat weights. `pool` shares the work.
    void pack(const float* weights, cpu::ThreadPool& pool);

    const float* flat = nullptr;  // what was packed last
    const Matrix<A>& operator[](const LinearPlan& plan) const { return layers_.at(&plan).matrix; }
    // Target embeddings [V,C], LayerNorm applied where the network has one, and for its gradient
    // the mean and 1/deviation of every row.
    const float* table = nullptr;
    const float* table_statistics() const { return statistics_.get(); }

  private:
    struct Layer {
        Matrix<A> matrix;
        AlignedFloats memory, bias;
    };

    void add(const LinearPlan& plan);
    void normalise_table(const float* weights, cpu::ThreadPool& pool);

    const Plan& plan_;
    const OperandKernels<A>& kernels_;
    std::unordered_map<const LinearPlan*, Layer> layers_;
    std::vector<const LinearPlan*> order_;
    AlignedFloats table_, statistics_;
};

}  // namespace ardiff::training
