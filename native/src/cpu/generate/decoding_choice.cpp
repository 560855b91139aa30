// Tokens of predictions, and drafts of blocks, on the CPU.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "cpu/generate/decoding_workspace.h"
#include "cpu/generate/operands.h"

namespace ardiff::cpu {
namespace {

constexpr int kShortlist = 256;  // room; as a rule about 60 tokens are on it

// The `top` best of `size` scores, the best first, the lower id among equals.
void best_of(const float* scores, int size, int top, int32_t* ids) {
    int count = 0;
    for (int v = 0; v < size; ++v) {
        if (count == top && !(scores[v] > scores[ids[top - 1]])) continue;
        int place = count < top ? count++ : top - 1;
        for (; place > 0 && scores[v] > scores[ids[place - 1]]; --place)
            ids[place] = ids[place - 1];
        ids[place] = v;
    }
}

// log sum exp of the scores that are not among `ids`, `total` being that of all.
float log_of_others(const float* scores, float total, int count, const int32_t* ids) {
    double share = 1;
    for (int i = 0; i < count; ++i) share -= std::exp(static_cast<double>(scores[ids[i]]) - total);
    return total + static_cast<float>(std::log(std::max(share, 1e-12)));
}

}  // namespace

void CpuDecoder::choose_likeliest(int count, int32_t* ids, DecodingWorkspace& w) {
    const TokenTable& tokens = decoding_->tokens;
    const int stride = padded(config_.embedding);
    float* const scratch = w.choice_scratch(kernels_.best_tokens_scratch(kLogitRows, tokens));
    for (int done = 0; done < count; done += kLogitRows) {
        kernels_.best_tokens(std::min(kLogitRows, count - done),
                             w.picked.get() + static_cast<ptrdiff_t>(done) * stride, stride, tokens,
                             scratch, ids + done);
    }
}

void CpuDecoder::choose(const DecodingStep& step, int first, int count, DecodingWorkspace& w) {
    const Matrix<float>& tokens = decoding_->tokens.exact;
    const int stride = padded(config_.embedding), top = step.top;
    int32_t* const ids = step.ids + static_cast<ptrdiff_t>(first) * top;
    if (top == 1 && step.log_probability == nullptr && step.wanted == nullptr) {
        choose_likeliest(count, ids, w);
        return;
    }
    const int columns = padded(tokens.out);
    float* const logits = w.logits_for(columns);
    for (int done = 0; done < count; done += kLogitRows) {
        const int some = std::min(kLogitRows, count - done);
        kernels_.of_float.forward(some, w.picked.get() + static_cast<ptrdiff_t>(done) * stride,
                                  stride, tokens, 0, tokens.out, Epilogue::store, logits, columns);
        for (int i = 0; i < some; ++i) {
            const float* scores = logits + static_cast<ptrdiff_t>(i) * columns;
            const ptrdiff_t slot = done + i;
            int32_t* own = ids + slot * top;
            best_of(scores, config_.vocabulary, top, own);
            if (step.log_probability == nullptr && step.wanted == nullptr) continue;
            const float total = kernels_.log_total(scores, columns);
            const auto probability = [&](int32_t id) { return std::min(0.0f, scores[id] - total); };
            if (step.log_probability != nullptr) {
                float* out = step.log_probability + (first + slot) * top;
                for (int t = 0; t < top; ++t) out[t] = probability(own[t]);
            }
            if (step.wanted != nullptr) {
                step.wanted_log_probability[first + slot] = probability(step.wanted[first + slot]);
            }
        }
    }
}

// The table is read once for all slots of the blocks: each slot's shortlist holds what it finds
// likeliest without the chain, and the chain chooses among them; in their log-probabilities the
// others count as they do without it.
void CpuDecoder::write_drafts(const DecodingKeep& keep, int first, int last, DecodingWorkspace& w) {
    const Matrix<float>& tokens = decoding_->tokens.exact;
    const Vocabulary& vocabulary = weights_->vocabulary;
    const float* const bias = tokens.bias;
    const int width = row(keep.row[0]).width, rows = last - first, count = rows * width;
    const int channels = config_.embedding, stride = padded(channels);
    const int columns = padded(tokens.out), pair = padded(2 * channels);
    float* const picked = w.picked.get();
    if (config_.token_chain == 0 && keep.log_probability == nullptr) {
        choose_likeliest(count, keep.draft + static_cast<ptrdiff_t>(first) * width, w);
        return;
    }
    std::vector<int32_t> listed(static_cast<size_t>(count) * kShortlist);
    std::vector<int> lengths(static_cast<size_t>(count));
    std::vector<float> others(static_cast<size_t>(count), -std::numeric_limits<float>::infinity());
    float* const logits = w.logits_for(columns);
    for (int done = 0; done < count; done += kLogitRows) {
        const int some = std::min(kLogitRows, count - done);
        kernels_.of_float.forward(some, picked + static_cast<ptrdiff_t>(done) * stride, stride,
                                  tokens, 0, tokens.out, Epilogue::store, logits, columns);
        for (int i = done; i < done + some; ++i) {
            const float* scores = logits + static_cast<ptrdiff_t>(i - done) * columns;
            int32_t* ids = listed.data() + static_cast<ptrdiff_t>(i) * kShortlist;
            int& length = lengths[static_cast<size_t>(i)];
            length = kernels_.shortlist(scores, columns, kShortlist, ids);
            if (keep.log_probability == nullptr || length == config_.vocabulary) continue;
            others[static_cast<size_t>(i)] =
                log_of_others(scores, kernels_.log_total(scores, columns), length, ids);
        }
    }
    std::vector<int32_t> left(keep.left + first, keep.left + last);
    const int inner = padded(std::max(1, config_.token_chain));
    for (int k = 0; k < width; ++k) {
        for (int r = 0; r < rows; ++r) {  // this slot of every row
            const float* x = picked + (static_cast<ptrdiff_t>(r) * width + k) * stride;
            float* both = w.pair.get() + static_cast<ptrdiff_t>(r) * pair;
            std::copy_n(x, channels, both);
            std::copy_n(vocabulary.table + static_cast<ptrdiff_t>(left[static_cast<size_t>(r)]) *
                                               vocabulary.stride,
                        channels, both + channels);
            std::copy_n(x, stride, w.chained.get() + static_cast<ptrdiff_t>(r) * stride);
        }
        if (config_.token_chain > 0) {
            matmul(kernels_, rows, w.pair.get(), pair, weights_->token_chain_0, Epilogue::gelu,
                   w.inner.get(), inner);
            matmul(kernels_, rows, w.inner.get(), inner, weights_->token_chain_2,
                   Epilogue::accumulate, w.chained.get(), stride);
        }
        for (int r = 0; r < rows; ++r) {
            const size_t slot = static_cast<size_t>(r) * width + k;
            const ptrdiff_t out = static_cast<ptrdiff_t>(first + r) * width + k;
            float score = 0;
            const int32_t chosen =
                kernels_.best_among(w.chained.get() + static_cast<ptrdiff_t>(r) * stride,
                                    vocabulary.table, vocabulary.stride, bias, lengths[slot],
                                    listed.data() + slot * kShortlist, others[slot], &score);
            left[static_cast<size_t>(r)] = chosen;
            keep.draft[out] = chosen;
            if (keep.log_probability != nullptr) keep.log_probability[out] = score;
        }
    }
}

}  // namespace ardiff::cpu
