// What a backend must offer to decode texts of shifted networks: encode sources once, then append
// settled slots to rows, take rejected ones back, and draft (see ardiff.h).
//
// torch/ implements it portably, over libtorch on any device; cpu/ with kernels of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ardiff {

// Arguments of ardiff_decoding_create, checked. Pointers are valid during the call only.
struct DecodingRequest {
    const int32_t* ids;   // [S,L]
    const uint8_t* mask;  // [S,L]
    int sources, length;
    int rows;
    const int32_t* source_of_row;  // [R]
    int positions;                 // most settled slots of a row
};

// Arguments of ardiff_decoding_step, checked. M: the sum of stream_count.
struct DecodingStep {
    int rows;                     // A
    const int32_t* row;           // [A]
    const int32_t* stream_count;  // [A]
    const int32_t* stream_ids;    // [M]
    int width;                    // of a block
    const uint8_t* block;         // [M]
    int top;
    int32_t* ids;                   // [M,T]
    float* log_probability;         // [M,T] or null
    const int32_t* wanted;          // [M] or null
    float* wanted_log_probability;  // [M] or null

    int slots() const {
        int sum = 0;
        for (int a = 0; a < rows; ++a) sum += stream_count[a];
        return sum;
    }
};

// Arguments of ardiff_decoding_keep, checked.
struct DecodingKeep {
    int rows;                // A
    const int32_t* row;      // [A]
    const int32_t* keep;     // [A]
    const int32_t* left;     // [A], null without draft
    int32_t* draft;          // [A,width] or null
    float* log_probability;  // [A,width] or null
};

struct DecodingSeconds {
    double encoder = 0, network = 0, choice = 0, draft = 0;
};

// Where a row stands.
struct DecodedRow {
    int32_t source = 0;
    int32_t settled = 0;   // slots, those of the last step included
    int32_t appended = 0;  // by the last step, as far as they are still there; 0: no last step
    int32_t width = 0;     // of the last step's blocks
    std::vector<uint8_t> block;  // [appended at first]: which of them a block began after
    // Blocks of the last step before that of its appended slot `slot`.
    int blocks_before(int slot) const {
        int count = 0;
        for (int i = 0; i < slot; ++i) count += block[static_cast<size_t>(i)];
        return count;
    }
};

// Keeps the books; what follows computes.
class Decoder {
  public:
    virtual ~Decoder() = default;

    void step(const DecodingStep& step);
    void keep(const DecodingKeep& keep);
    void copy(int count, const int32_t* from, const int32_t* to);
    virtual DecodingSeconds seconds() const = 0;

    int positions() const { return positions_; }
    const std::vector<DecodedRow>& rows() const { return rows_; }

  protected:
    explicit Decoder(const DecodingRequest& request);

    // The rows stand as before the step.
    virtual void evaluate(const DecodingStep& step) = 0;
    // Called with a draft to make only. The rows stand as after it: their last settled slot is the
    // kept one.
    virtual void draft(const DecodingKeep& keep) = 0;
    // Copies what was computed; the books are kept elsewhere.
    virtual void copy_rows(int count, const int32_t* from, const int32_t* to) = 0;

    const DecodedRow& row(int index) const { return rows_[static_cast<size_t>(index)]; }

  private:
    const int positions_;
    std::vector<DecodedRow> rows_;
};

}  // namespace ardiff
