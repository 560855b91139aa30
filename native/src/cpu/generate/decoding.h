// Decoding on the CPU: rows that keep their keys and values.
//
// The new slots of all rows of a call lie one below the other: matmuls run over all of them,
// attention over each row alone. Every kernel treats slots independently and sums in an order that
// depends on the slot's own keys only, so that a row has the same bits whatever stands beside it.
#pragma once

#include <memory>
#include <vector>

#include "core/decoding.h"
#include "cpu/generate/decoding_weights.h"
#include "cpu/generate/encoder.h"
#include "cpu/threads.h"

namespace ardiff::cpu {

// Self-attention's keys and values of a row's settled slots, in groups of kKeyGroup slots. A group
// holds, for each layer, keys [d][kKeyGroup], then values [kKeyGroup][padded(d)], and some spare
// floats.
class RowCache {
  public:
    explicit RowCache(const NetworkConfig& config)
        : layers_(config.decoder_layers), width_(config.hidden) {}

    // Makes room for `slots` slots.
    void reserve(int slots);
    // Takes over the first `slots` slots of another row's.
    void copy(const RowCache& other, int slots);

    float* keys(int group, int layer) const {
        return groups_[static_cast<size_t>(group)].get() + layer * layer_size();
    }
    float* values(int group, int layer) const { return keys(group, layer) + width_ * kKeyGroup; }

  private:
    int64_t layer_size() const {
        return static_cast<int64_t>(kKeyGroup) * (width_ + padded(width_));
    }
    int64_t group_size() const { return layers_ * layer_size() + kPad; }

    int layers_, width_;
    std::vector<AlignedFloats> groups_;
};

// A slot of a call.
struct DecodingSlot {
    int32_t token;  // what it holds; -1: it waits
    int position;   // among the learned ones
    int past;       // settled slots it attends to, itself included if it settles
    int block;      // number of the block it waits in, -1: none
};

// The slots of a row in a call: those that settle first, then blocks of `width`.
struct RowSlots {
    int row;
    int first, settling, blocks;  // `first`: number of its first slot in the piece
    int count(int width) const { return settling + blocks * width; }
};

struct DecodingWorkspace;

class CpuDecoder final : public Decoder {
  public:
    CpuDecoder(std::shared_ptr<const Weights> weights,
               std::shared_ptr<const DecodingWeights> decoding, std::shared_ptr<ThreadPool> threads,
               const DecodingRequest& request);
    ~CpuDecoder() override;

    DecodingSeconds seconds() const override;

  protected:
    void evaluate(const DecodingStep& step) override;
    void draft(const DecodingKeep& keep) override;
    void copy_rows(int count, const int32_t* from, const int32_t* to) override;

  private:
    // Calls body(piece, workspace) for runs of rows of so many slots each.
    template <class Body>
    void for_pieces(const std::vector<int32_t>& sizes, const Body& body);

    // x0_hat of the slots of w into w.x0; keys and values of those that settle go to their rows.
    void predict(int width, DecodingWorkspace& w);
    template <class A>
    void predict_as(int width, DecodingWorkspace& w);
    template <class A>
    void embed(DecodingWorkspace& w);
    template <class A>
    void layer(int index, int width, DecodingWorkspace& w);
    template <class A>
    void self_attention(int index, int width, DecodingWorkspace& w);
    template <class A>
    void cross_attention(int index, int width, DecodingWorkspace& w);

    // Tokens of the `count` predictions in w.picked, which are those of slots first, ... of the
    // step.
    void choose(const DecodingStep& step, int first, int count, DecodingWorkspace& w);
    // The likeliest tokens of the `count` predictions in w.picked, and nothing else.
    void choose_likeliest(int count, int32_t* ids, DecodingWorkspace& w);
    // A block's predictions, of the row's last step.
    float* waiting_x0(int row, int block);
    void add_late_block(int row, int width, DecodingWorkspace& w) const;
    // Drafts for rows [first, last) of the call, whose blocks' predictions are in w.picked.
    void write_drafts(const DecodingKeep& keep, int first, int last, DecodingWorkspace& w);

    const std::shared_ptr<const Weights> weights_;
    const std::shared_ptr<const DecodingWeights> decoding_;
    const std::shared_ptr<ThreadPool> threads_;
    const NetworkConfig& config_;
    const Kernels& kernels_;
    std::vector<SourceMemory> memory_;
    int most_source_keys_ = 0;
    std::vector<RowCache> caches_;
    std::vector<AlignedFloats> waiting_;  // [blocks][width][padded(C)] of each row's last step
    std::vector<int64_t> waiting_room_;   // floats in them
    double encoder_seconds_ = 0;
    std::vector<std::unique_ptr<DecodingWorkspace>> workspaces_;
};

}  // namespace ardiff::cpu
