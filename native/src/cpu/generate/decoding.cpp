// Steps of decoding on the CPU: which slots a call has, and what it leaves in the rows.

#include "cpu/generate/decoding.h"

#include <algorithm>
#include <cstring>

#include "core/stopwatch.h"
#include "cpu/generate/decoding_workspace.h"

namespace ardiff::cpu {

void RowCache::reserve(int slots) {
    while (static_cast<int>(groups_.size()) * kKeyGroup < slots) {
        groups_.push_back(allocate_floats(group_size()));
    }
}

void RowCache::copy(const RowCache& other, int slots) {
    reserve(slots);
    for (int g = 0; g * kKeyGroup < slots; ++g) {
        std::memcpy(groups_[static_cast<size_t>(g)].get(),
                    other.groups_[static_cast<size_t>(g)].get(),
                    static_cast<size_t>(group_size()) * sizeof(float));
    }
}

CpuDecoder::CpuDecoder(std::shared_ptr<const Weights> weights,
                       std::shared_ptr<const DecodingWeights> decoding,
                       std::shared_ptr<ThreadPool> threads, const DecodingRequest& request)
    : Decoder(request),
      weights_(std::move(weights)),
      decoding_(std::move(decoding)),
      threads_(std::move(threads)),
      config_(weights_->config),
      kernels_(weights_->kernels),
      memory_(encode_sources(*weights_, *threads_,
                             {request.ids, request.mask, request.sources, request.length},
                             encoder_seconds_)),
      waiting_(static_cast<size_t>(request.rows)),
      waiting_room_(static_cast<size_t>(request.rows), 0) {
    for (int r = 0; r < request.rows; ++r) caches_.emplace_back(config_);
    for (const SourceMemory& memory : memory_) {
        most_source_keys_ = std::max(most_source_keys_, memory.count());
    }
    for (int t = 0; t < threads_->size(); ++t) {
        workspaces_.push_back(std::make_unique<DecodingWorkspace>());
    }
}

CpuDecoder::~CpuDecoder() = default;

DecodingSeconds CpuDecoder::seconds() const {
    DecodingSeconds total;
    for (const auto& w : workspaces_) {
        total.network += w->seconds.network / threads_->size();
        total.choice += w->seconds.choice / threads_->size();
        total.draft += w->seconds.draft / threads_->size();
    }
    total.encoder = encoder_seconds_;
    return total;
}

template <class Body>
void CpuDecoder::for_pieces(const std::vector<int32_t>& sizes, const Body& body) {
    const auto take = [&](const Piece& piece, int thread) {
        const Work work(kernels_);
        body(piece, *workspaces_[static_cast<size_t>(thread)]);
    };
    if (sizes.size() == 1 || threads_->size() == 1) {  // without waking anyone
        for (const Piece& piece : share_out(sizes, 1)) take(piece, 0);
        return;
    }
    const std::vector<Piece> parts = share_out(sizes, threads_->size());
    threads_->run(static_cast<int>(parts.size()),
                  [&](int index, int thread) { take(parts[static_cast<size_t>(index)], thread); });
}

float* CpuDecoder::waiting_x0(int row, int block) {
    return waiting_[static_cast<size_t>(row)].get() +
           static_cast<ptrdiff_t>(block) * this->row(row).width * padded(config_.embedding);
}

void CpuDecoder::evaluate(const DecodingStep& step) {
    const int width = step.width, stride = padded(config_.embedding);
    std::vector<int32_t> sizes, first_slot;
    int next = 0;
    for (int a = 0; a < step.rows; ++a) {
        const int count = step.stream_count[a];
        int blocks = 0;
        for (int i = 0; width > 0 && i < count; ++i) blocks += step.block[next + i];
        const size_t r = static_cast<size_t>(step.row[a]);
        sizes.push_back(count + blocks * width);
        first_slot.push_back(next);
        next += count;
        caches_[r].reserve(row(step.row[a]).settled + count);
        const int64_t room = static_cast<int64_t>(blocks) * width * stride;
        if (room <= waiting_room_[r]) continue;
        waiting_[r] = allocate_floats(room);
        waiting_room_[r] = room;
    }
    for_pieces(sizes, [&](const Piece& piece, DecodingWorkspace& w) {
        w.clear();
        for (int a = piece.first_row; a < piece.last_row; ++a) {
            const size_t place = static_cast<size_t>(a);
            const int settled = row(step.row[a]).settled, count = step.stream_count[a];
            const int first = static_cast<int>(w.slots.size());
            const int32_t* ids = step.stream_ids + first_slot[place];
            const uint8_t* block = step.block + first_slot[place];
            for (int i = 0; i < count; ++i) {
                w.slots.push_back({ids[i], settled + i, settled + i + 1, -1});
            }
            int blocks = 0;
            for (int i = 0; width > 0 && i < count; ++i) {
                if (block[i] == 0) continue;
                for (int k = 1; k <= width; ++k) {
                    const int position = std::min(settled + i + k, config_.max_positions - 1);
                    w.slots.push_back({-1, position, settled + i + 1, blocks});
                }
                ++blocks;
            }
            w.rows.push_back({step.row[a], first, count, blocks});
        }
        timed(w.seconds.network, [&] {
            predict(width, w);
            for (const RowSlots& slots : w.rows) {
                if (slots.blocks == 0) continue;
                std::memcpy(
                    waiting_[static_cast<size_t>(slots.row)].get(),
                    w.x0.get() + static_cast<ptrdiff_t>(slots.first + slots.settling) * stride,
                    static_cast<size_t>(slots.blocks) * width * stride * sizeof(float));
            }
        });
        timed(w.seconds.choice, [&] {
            int count = 0;
            for (const RowSlots& slots : w.rows) {
                std::memcpy(w.picked.get() + static_cast<ptrdiff_t>(count) * stride,
                            w.x0.get() + static_cast<ptrdiff_t>(slots.first) * stride,
                            static_cast<size_t>(slots.settling) * stride * sizeof(float));
                count += slots.settling;
            }
            choose(step, first_slot[static_cast<size_t>(piece.first_row)], count, w);
        });
    });
}

// A block behind the last settled slot of a row, alone in a call.
void CpuDecoder::add_late_block(int index, int width, DecodingWorkspace& w) const {
    const int settled = row(index).settled, first = static_cast<int>(w.slots.size());
    for (int k = 1; k <= width; ++k) {
        const int position = std::min(settled - 1 + k, config_.max_positions - 1);
        w.slots.push_back({-1, position, settled, 0});
    }
    w.rows.push_back({index, first, 0, 1});
}

void CpuDecoder::draft(const DecodingKeep& keep) {
    const int width = row(keep.row[0]).width, stride = padded(config_.embedding);
    const std::vector<int32_t> sizes(static_cast<size_t>(keep.rows), width);
    const size_t block_floats = static_cast<size_t>(width) * stride;
    for_pieces(sizes, [&](const Piece& piece, DecodingWorkspace& w) {
        w.clear();
        const auto has_block = [&](int a) {
            return row(keep.row[a]).block[static_cast<size_t>(keep.keep[a]) - 1] != 0;
        };
        for (int a = piece.first_row; a < piece.last_row; ++a) {
            if (!has_block(a)) add_late_block(keep.row[a], width, w);
        }
        w.reserve(*weights_, piece.tokens, positions(), most_source_keys_, width);
        if (!w.slots.empty()) timed(w.seconds.network, [&] { predict(width, w); });
        timed(w.seconds.draft, [&] {
            const float* late = w.x0.get();
            float* to = w.picked.get();
            for (int a = piece.first_row; a < piece.last_row; ++a, to += block_floats) {
                const float* from = late;
                if (has_block(a)) {
                    from =
                        waiting_x0(keep.row[a], row(keep.row[a]).blocks_before(keep.keep[a] - 1));
                } else {
                    late += block_floats;
                }
                std::memcpy(to, from, block_floats * sizeof(float));
            }
            write_drafts(keep, piece.first_row, piece.last_row, w);
        });
    });
}

void CpuDecoder::copy_rows(int count, const int32_t* from, const int32_t* to) {
    std::vector<bool> written(caches_.size(), false);
    for (int i = 0; i < count; ++i) written[static_cast<size_t>(to[i])] = true;
    // Rows that are read and written are read first.
    std::vector<RowCache> read;
    std::vector<int> place(caches_.size(), -1);
    for (int i = 0; i < count; ++i) {
        const size_t source = static_cast<size_t>(from[i]);
        if (from[i] == to[i] || !written[source] || place[source] >= 0) continue;
        place[source] = static_cast<int>(read.size());
        read.emplace_back(config_);
        read.back().copy(caches_[source], row(from[i]).settled);
    }
    for (int i = 0; i < count; ++i) {
        if (from[i] == to[i]) continue;
        const size_t source = static_cast<size_t>(from[i]);
        const RowCache& cache =
            place[source] < 0 ? caches_[source] : read[static_cast<size_t>(place[source])];
        caches_[static_cast<size_t>(to[i])].copy(cache, row(from[i]).settled);
    }
}

}  // namespace ardiff::cpu
