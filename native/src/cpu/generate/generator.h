// One batch on the CPU backend.
#pragma once

#include <memory>
#include <vector>

#include "core/generator.h"
#include "core/philox.h"
#include "cpu/generate/encoder.h"
#include "cpu/generate/weights.h"
#include "cpu/threads.h"

namespace ardiff::cpu {

// Time-dependent inputs of one step: one row per slot, or per slot of every batch row.
struct TimeBranch {
    bool per_row = false;
    AlignedFloats added;              // additive: [rows*slots][padded(d)]
    std::vector<AlignedFloats> keys;  // txl, rotary: per block [rows*slots][padded(d)]
    std::vector<AlignedFloats> bias;  // txl: per block [rows*slots][heads], r_r . time key
};

struct Workspace;

class CpuGenerator final : public Generator {
  public:
    CpuGenerator(std::shared_ptr<const Weights> weights, std::shared_ptr<ThreadPool> threads,
                 const BatchRequest& request);
    ~CpuGenerator() override;

    void step(const StepRequest& request) override;
    void shrink(const int32_t* active) override;
    void tokens(ardiff_state state, int32_t* ids, float* log_probability) override;
    void read(ardiff_state state, float* data) const override;
    void write(ardiff_state state, const float* data) override;
    Seconds seconds() const override;

  private:
    void start_from_noise(float scale);
    void prepare_time(const StepRequest& request);
    template <class A>
    void predict(const StepRequest& request, const Piece& piece, Workspace& w);
    template <class A>
    void block(int index, const Piece& piece, int tokens, Workspace& w);
    template <class A>
    void self_attention(int block, const Piece& piece, Workspace& w);
    template <class A>
    void cross_attention(int block, const Piece& piece, Workspace& w);
    void round(const StepRequest& request, const Piece& piece, Workspace& w);
    float log_probability(const float* x, int token) const;
    void update(const StepRequest& request, const Piece& piece, Workspace& w);
    Workspace& workspace(int thread, int tokens);
    float* state_row(float* state, int row) const;
    const float* state_row(const float* state, int row) const;
    size_t plan_index(bool per_row, int row, int slot) const {
        return (per_row ? static_cast<size_t>(row) * slots : 0) + static_cast<size_t>(slot);
    }

    std::shared_ptr<const Weights> weights_;
    std::shared_ptr<ThreadPool> threads_;
    const NetworkConfig& config_;
    const Kernels& kernels_;
    const int first_candidate_;
    std::vector<SourceMemory> memory_;
    std::vector<NoiseKey> noise_;   // of each source
    AlignedFloats z_, x0_;          // [rows][slots][C]
    std::vector<int32_t> stepped_;  // slots of each row in the step under way
    TimeBranch time_;
    double encoder_seconds_ = 0;
    std::vector<std::unique_ptr<Workspace>> workspaces_;
};

}  // namespace ardiff::cpu
