// Decoding on the portable path: every device, and the reference for the CPU kernels.
//
// No keys and values are kept: a row is the list of its tokens, and a step computes all of its
// slots again, with the blocks of waiting slots beside them, under a mask of its own. What a call
// needs of the host travels in one copy, and it waits for the device once, for what it returns.
#include "torch/decoding.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "torch/nearest.h"
#include "torch/phase_clock.h"
#include "torch/staging.h"

namespace ardiff::portable {

using at::Tensor;

namespace {

// The slots of the rows of a call: settled ones first, then blocks, padded to the longest row.
struct Slots {
    Slots(int rows_, int width_, int most_positions)
        : rows(rows_), width(width_), last_position(most_positions - 1) {}

    // A row of `settled` slots, with blocks that begin after the given ones.
    void add(const std::vector<int32_t>& tokens, const std::vector<int>& block_after) {
        row_tokens.push_back(&tokens);
        blocks.push_back(block_after);
        count = std::max(count, tokens.size() + block_after.size() * static_cast<size_t>(width));
    }

    // Fills the arrays below.
    void lay_out() {
        const size_t all = static_cast<size_t>(rows) * count;
        ids.assign(all, 0);
        positions.assign(all, 0);
        waits.assign(all, 0);
        attention.assign(all * count, 0);
        for (size_t a = 0; a < row_tokens.size(); ++a) {
            const std::vector<int32_t>& tokens = *row_tokens[a];
            uint8_t* const mask = attention.data() + a * count * count;
            for (size_t n = 0; n < tokens.size(); ++n) {
                ids[a * count + n] = tokens[n];
                positions[a * count + n] = static_cast<int64_t>(n);
                std::fill_n(mask + n * count, n + 1, uint8_t{1});
            }
            size_t slot = tokens.size();
            for (int after : blocks[a]) {
                const size_t first = slot;
                for (int w = 1; w <= width; ++w, ++slot) {
                    waits[a * count + slot] = 1;
                    positions[a * count + slot] = std::min(after + w, last_position);
                    std::fill_n(mask + slot * count, after + 1, uint8_t{1});
                    std::fill_n(mask + slot * count + first, width, uint8_t{1});
                }
            }
            for (; slot < count; ++slot) mask[slot * count + slot] = 1;  // padding
        }
    }

    // Number of the slot that is the first of a row's block.
    size_t block_slot(size_t a, size_t block) const {
        return a * count + row_tokens[a]->size() + block * static_cast<size_t>(width);
    }

    int rows, width, last_position;
    std::vector<const std::vector<int32_t>*> row_tokens;
    std::vector<std::vector<int>> blocks;  // of each row: after which settled slot
    size_t count = 0;
    std::vector<int64_t> ids, positions;    // [rows,count]
    std::vector<uint8_t> waits, attention;  // [rows,count], [rows,count,count]
};

// The T most likely of each row of logits [M,V], the lowest id first among equals: int64 [M,T].
Tensor likeliest(const Tensor& logits, int64_t top) {
    if (top == 1) return logits.argmax(1, true);
    return std::get<1>(at::sort(logits, true, 1, true)).narrow(1, 0, top);
}

// Slots that are laid out, on the device.
struct SentSlots {
    int64_t rows = 0, count = 0;
    Tensor ids, positions, waits, attention;  // as those of Slots; the last two are bytes
    Tensor source;  // [rows], whose source each row has; undefined where it is each in its turn
};

class TorchDecoder final : public Decoder {
  public:
    TorchDecoder(std::shared_ptr<const Weights> weights, const DecodingRequest& request)
        : Decoder(request),
          weights_(std::move(weights)),
          network_(weights_->network),
          tokens_(static_cast<size_t>(request.rows)),
          waiting_x0_(static_cast<size_t>(request.rows)),
          clock_(weights_->device) {
        weights_->run([&] { encode(request); });
    }

    DecodingSeconds seconds() const override {
        weights_->run([&] { clock_.settle(); });
        return seconds_;
    }

  protected:
    void evaluate(const DecodingStep& step) override {
        weights_->run([&] { take_step(step); });
    }
    void draft(const DecodingKeep& keep) override {
        weights_->run([&] { write_draft(keep); });
    }
    void copy_rows(int count, const int32_t* from, const int32_t* to) override;

  private:
    void encode(const DecodingRequest& request);
    void take_step(const DecodingStep& step);
    void write_draft(const DecodingKeep& keep);
    // Takes note of what predict() needs of slots that are laid out, for the rows named.
    void stage(const Slots& slots, const int32_t* rows, Staging& staging, SentSlots& sent) const;
    // x0_hat [rows * count, C].
    Tensor predict(const SentSlots& slots) const;
    CrossAttention sources_of(const Tensor& source) const;
    // The first `settled` tokens of a row, dropping what was taken back.
    std::vector<int32_t>& kept_tokens(int index);
    const std::shared_ptr<const Weights> weights_;
    const Network& network_;
    CrossAttention sources_;
    std::vector<std::vector<int32_t>> tokens_;  // of each row, those of a step that is not kept too
    std::vector<Tensor> waiting_x0_;            // of each row's last step: [blocks,k,C]
    mutable DecodingSeconds seconds_;
    mutable PhaseClock clock_;
};

void TorchDecoder::encode(const DecodingRequest& request) {
    clock_.time(seconds_.encoder, [&] {
        const auto [mask, ids] = send_sources(request.ids, request.mask, request.sources,
                                              request.length, weights_->device);
        sources_ = network_.attend_to(network_.encode(ids, mask, nullptr), mask);
    });
}

void TorchDecoder::stage(const Slots& slots, const int32_t* rows, Staging& staging,
                         SentSlots& sent) const {
    const int64_t a = slots.rows, count = static_cast<int64_t>(slots.count);
    sent.rows = a;
    sent.count = count;
    staging.add(sent.ids, slots.ids.data(), {a, count});
    staging.add(sent.positions, slots.positions.data(), {a, count});
    staging.add(sent.waits, slots.waits.data(), {a, count, 1});
    staging.add(sent.attention, slots.attention.data(), {a, 1, count, count});
    std::vector<int64_t> source, all(static_cast<size_t>(sources_.keys_values[0].first.size(0)));
    for (int i = 0; i < slots.rows; ++i) source.push_back(row(rows[i]).source);
    std::iota(all.begin(), all.end(), 0);
    if (source != all) staging.add(sent.source, source.data(), {a});
}

CrossAttention TorchDecoder::sources_of(const Tensor& source) const {
    if (!source.defined()) return sources_;
    const auto choose = [&](const Tensor& x) {
        return x.defined() ? x.index_select(0, source) : x;
    };
    CrossAttention chosen{{}, choose(sources_.bias)};
    for (const auto& [keys, values] : sources_.keys_values)
        chosen.keys_values.emplace_back(choose(keys), choose(values));
    return chosen;
}

Tensor TorchDecoder::predict(const SentSlots& slots) const {
    DecoderInput input;
    input.z = at::where(slots.waits.view(at::kBool), network_.waiting(),
                        at::embedding(network_.table(), slots.ids));
    input.positions = slots.positions;
    input.attention_mask = slots.attention.view(at::kBool);
    const Tensor x0 = weights_->decoder.denoise(input, sources_of(slots.source));
    return x0.reshape({slots.rows * slots.count, x0.size(2)});
}

std::vector<int32_t>& TorchDecoder::kept_tokens(int index) {
    std::vector<int32_t>& tokens = tokens_[static_cast<size_t>(index)];
    tokens.resize(static_cast<size_t>(row(index).settled));
    return tokens;
}

void TorchDecoder::take_step(const DecodingStep& step) {
    Slots slots(step.rows, step.width, weights_->config.max_positions);
    std::vector<int64_t> appended;  // numbers of the slots that were appended
    const int32_t* id = step.stream_ids;
    const uint8_t* block = step.block;
    for (int a = 0; a < step.rows; ++a) {
        std::vector<int32_t>& tokens = kept_tokens(step.row[a]);
        std::vector<int> block_after;
        for (int i = 0; i < step.stream_count[a]; ++i) {
            if (step.width > 0 && *block++ != 0)
                block_after.push_back(static_cast<int>(tokens.size()));
            tokens.push_back(*id++);
        }
        slots.add(tokens, block_after);
    }
    slots.lay_out();
    for (int a = 0; a < step.rows; ++a) {
        const size_t last = slots.row_tokens[static_cast<size_t>(a)]->size();
        for (size_t n = last - static_cast<size_t>(step.stream_count[a]); n < last; ++n) {
            appended.push_back(static_cast<int64_t>(static_cast<size_t>(a) * slots.count + n));
        }
    }
    const int64_t count = static_cast<int64_t>(appended.size());
    Tensor x0, read, wanted;
    SentSlots sent;
    Staging staging(weights_->device);
    clock_.time(seconds_.network, [&] {
        stage(slots, step.row, staging, sent);
        staging.add(read, appended.data(), {count});
        if (step.wanted != nullptr) staging.add(wanted, step.wanted, {count, 1});
        staging.send();
        x0 = predict(sent);
        for (size_t a = 0; a < static_cast<size_t>(step.rows); ++a) {
            const int64_t blocks = static_cast<int64_t>(slots.blocks[a].size());
            Tensor& waiting = waiting_x0_[static_cast<size_t>(step.row[a])];
            waiting = blocks == 0 ? Tensor()
                                  : x0.narrow(0, static_cast<int64_t>(slots.block_slot(a, 0)),
                                              blocks * step.width)
                                        .reshape({blocks, step.width, x0.size(1)});
        }
    });
    clock_.time(seconds_.choice, [&] {
        const Tensor logits =
            at::linear(x0.index_select(0, read), network_.table(), network_.logits_bias());
        const Tensor best = likeliest(logits, step.top);
        Returning returning(weights_->device);
        returning.add(best, step.ids);
        if (step.log_probability != nullptr || wanted.defined()) {
            const Tensor total = at::logsumexp(logits, 1, true);
            const auto score = [&](const Tensor& ids, float* out) {
                returning.add((logits.gather(1, ids) - total).clamp_max(0.0), out);
            };
            if (step.log_probability != nullptr) score(best, step.log_probability);
            if (wanted.defined()) score(wanted.to(at::kLong), step.wanted_log_probability);
        }
        returning.receive();
    });
}

void TorchDecoder::write_draft(const DecodingKeep& keep) {
    const int width = row(keep.row[0]).width, channels = weights_->config.embedding;
    std::vector<Tensor> chosen(static_cast<size_t>(keep.rows));
    std::vector<int32_t> late;  // rows whose block is still to be run
    std::vector<size_t> late_place;
    Slots slots(0, width, weights_->config.max_positions);
    for (int a = 0; a < keep.rows; ++a) {
        const DecodedRow& at = row(keep.row[a]);
        const int last = keep.keep[a] - 1;
        if (at.block[static_cast<size_t>(last)] != 0) {
            chosen[static_cast<size_t>(a)] =
                waiting_x0_[static_cast<size_t>(keep.row[a])][at.blocks_before(last)];
            continue;
        }
        late.push_back(keep.row[a]);
        late_place.push_back(static_cast<size_t>(a));
        ++slots.rows;
        slots.add(kept_tokens(keep.row[a]), {at.settled - 1});
    }
    Tensor left;
    SentSlots sent;
    Staging staging(weights_->device);
    staging.add(left, keep.left, {keep.rows});
    if (!late.empty()) {
        slots.lay_out();
        stage(slots, late.data(), staging, sent);
    }
    staging.send();
    if (!late.empty()) {
        clock_.time(seconds_.network, [&] {
            const Tensor x0 = predict(sent);
            for (size_t i = 0; i < late.size(); ++i) {
                chosen[late_place[i]] =
                    x0.narrow(0, static_cast<int64_t>(slots.block_slot(i, 0)), width);
            }
        });
    }
    clock_.time(seconds_.draft, [&] {
        const Tensor x0 = at::stack(chosen).view({keep.rows, width, channels});
        left = left.to(at::kLong);
        std::vector<Tensor> ids, scores;
        for (int w = 0; w < width; ++w) {
            Tensor x = x0.select(1, w);
            if (weights_->config.token_chain > 0)
                x = network_.chain(x, at::embedding(network_.table(), left));
            left = weights_->likeliest.best(x);
            ids.push_back(left);
            if (keep.log_probability == nullptr) continue;
            scores.push_back(log_probability(x, network_.table(), network_.logits_bias(), left));
        }
        Returning returning(weights_->device);
        returning.add(at::stack(ids, 1), keep.draft);
        if (keep.log_probability != nullptr)
            returning.add(at::stack(scores, 1), keep.log_probability);
        returning.receive();
    });
}

void TorchDecoder::copy_rows(int count, const int32_t* from, const int32_t* to) {
    std::vector<std::vector<int32_t>> read;
    for (int i = 0; i < count; ++i) read.push_back(kept_tokens(from[i]));
    for (int i = 0; i < count; ++i) {
        tokens_[static_cast<size_t>(to[i])] = std::move(read[static_cast<size_t>(i)]);
    }
}

}  // namespace

std::unique_ptr<Decoder> make_portable_decoder(std::shared_ptr<const Weights> weights,
                                               const DecodingRequest& request) {
    return std::make_unique<TorchDecoder>(std::move(weights), request);
}

}  // namespace ardiff::portable
