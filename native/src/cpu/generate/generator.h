// One batch on the CPU backend.
#pragma once

#include <memory>
#include <vector>

#include "core/generator.h"
#include "core/philox.h"
#include "cpu/threads.h"
#include "cpu/generate/weights.h"

namespace ardiff::cpu {

// Cross-attention keys and values of one source: per decoder block and head, made once.
struct SourceMemory {
    std::vector<int32_t> positions;  // columns of the unmasked ids
    AlignedFloats encoder;           // [count][padded(d)]
    AlignedFloats keys;              // [blocks][heads][head_size][key_stride]
    AlignedFloats values;            // [blocks][heads][count][value_stride]
    int key_stride = 0;
    NoiseKey noise{};
};

// Time-dependent inputs of one step: one row per slot, or per slot of every batch row.
struct TimeBranch {
    bool per_row = false;
    AlignedFloats added;              // additive: [rows*slots][padded(d)]
    std::vector<AlignedFloats> keys;  // txl, rotary: per block [rows*slots][padded(d)]
    std::vector<AlignedFloats> bias;  // txl: per block [rows*slots][heads], r_r . time key
};

// Self-attention's keys and values of slots that are past: they have settled and look left only
// (causal_past), so that nothing changes them any more, and steps leave them out.
struct Past {
    std::vector<int32_t> count;  // the first slots of each row
    AlignedFloats keys_values;   // [rows][blocks][slots][2d], as projected
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
    struct Piece {
        int first_row, last_row;  // rows, or sources of the encoder, [first_row, last_row)
        int tokens;               // of them all
    };

    void encode(const BatchRequest& request);
    template <class A>
    void encode_sources(const Piece& piece, const std::vector<std::vector<int32_t>>& ids,
                        Workspace& w);
    template <class A>
    void source_attention(const Piece& piece, Workspace& w);
    template <class A>
    void remember(const Piece& piece, Workspace& w);
    void start_from_noise(float scale);
    void choose_slots(const StepRequest& request);
    void pass_slots(const StepRequest& request);
    int settled_slots(const StepRequest& request, int row) const;
    float* past_slot(int row, int block, int slot);
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
    std::vector<Piece> pieces(const std::vector<int32_t>& sizes) const;
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
    AlignedFloats z_, x0_;  // [rows][slots][C]
    std::vector<int32_t> first_,
        stepped_;                   // slots of each row in the step under way: from, and up to
    std::vector<int32_t> settled_;  // of these so many of the first look left only
    Past past_;
    TimeBranch time_;
    std::vector<std::unique_ptr<Workspace>> workspaces_;
};

}  // namespace ardiff::cpu
