#include "core/decoding.h"

namespace ardiff {

Decoder::Decoder(const DecodingRequest& request)
    : positions_(request.positions), rows_(static_cast<size_t>(request.rows)) {
    for (size_t r = 0; r < rows_.size(); ++r) rows_[r].source = request.source_of_row[r];
}

void Decoder::step(const DecodingStep& step) {
    evaluate(step);
    const uint8_t* block = step.block;
    for (int a = 0; a < step.rows; ++a) {
        DecodedRow& row = rows_[static_cast<size_t>(step.row[a])];
        const int count = step.stream_count[a];
        row.settled += count;
        row.appended = count;
        row.width = step.width;
        row.block.assign(block, block + count);
        if (step.width == 0) row.block.assign(static_cast<size_t>(count), 0);
        block += count;
    }
}

void Decoder::keep(const DecodingKeep& keep) {
    for (int a = 0; a < keep.rows; ++a) {
        DecodedRow& row = rows_[static_cast<size_t>(keep.row[a])];
        row.settled -= row.appended - keep.keep[a];
        row.appended = keep.keep[a];
    }
    if (keep.draft != nullptr) draft(keep);
}

void Decoder::copy(int count, const int32_t* from, const int32_t* to) {
    copy_rows(count, from, to);
    std::vector<DecodedRow> read;
    for (int i = 0; i < count; ++i) read.push_back(rows_[static_cast<size_t>(from[i])]);
    for (int i = 0; i < count; ++i) {
        DecodedRow& row = rows_[static_cast<size_t>(to[i])];
        row = read[static_cast<size_t>(i)];
        row.appended = 0;
    }
}

}  // namespace ardiff
