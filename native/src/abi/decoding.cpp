// ABI: decoding (see ardiff.h). Arguments are checked here; backends trust them.
#include <memory>
#include <vector>

#include "abi/checks.h"
#include "ardiff.h"
#include "core/handles.h"

using namespace ardiff;

namespace {

Decoder& decoder_of(ardiff_decoding* decoding) {
    require(decoding != nullptr, "Decoding is NULL");
    return *decoding->decoder;
}

// `count` row numbers, all different if `distinct`.
void check_rows(const char* what, int count, const int32_t* row, size_t rows, bool distinct) {
    check_range("Number of rows", count, 1, distinct ? static_cast<int64_t>(rows) : 1 << 24);
    require(row != nullptr, "Row numbers are NULL");
    std::vector<bool> seen(rows, false);
    for (int a = 0; a < count; ++a) {
        check_range(what, row[a], 0, static_cast<int64_t>(rows) - 1);
        std::vector<bool>::reference mark = seen[static_cast<size_t>(row[a])];
        if (distinct && mark) {
            throw Error(ARDIFF_INVALID_ARGUMENT, format("%s %d is named twice", what, row[a]));
        }
        mark = true;
    }
}

void check_step(const ardiff_decoding& decoding, const DecodingStep& s) {
    const NetworkConfig& config = decoding.config;
    const std::vector<DecodedRow>& rows = decoding.decoder->rows();
    check_rows("Row", s.rows, s.row, rows.size(), true);
    require(s.stream_count != nullptr && s.stream_ids != nullptr && s.block != nullptr,
            "A stream array is NULL");
    require(s.ids != nullptr, "Token output is NULL");
    require((s.wanted == nullptr) == (s.wanted_log_probability == nullptr),
            "Wanted ids and their log-probabilities go together, but one is NULL");
    check_range("Block width", s.width, 0, config.max_positions);
    check_range("Number of likeliest tokens", s.top, 1, config.vocabulary);
    for (int a = 0; a < s.rows; ++a) {
        const int32_t settled = rows[static_cast<size_t>(s.row[a])].settled;
        check_range("Number of appended slots", s.stream_count[a], 1,
                    decoding.decoder->positions() - settled);
    }
    const int slots = s.slots();
    for (int i = 0; i < slots; ++i) {
        check_id("Appended token", s.stream_ids[i], config.vocabulary);
        check_range("Block flag", s.block[i], 0, 1);
        if (s.wanted != nullptr) check_id("Wanted token", s.wanted[i], config.vocabulary);
    }
}

void check_keep(const ardiff_decoding& decoding, const DecodingKeep& k) {
    const std::vector<DecodedRow>& rows = decoding.decoder->rows();
    check_rows("Row", k.rows, k.row, rows.size(), true);
    require(k.keep != nullptr, "Numbers of kept slots are NULL");
    require(k.draft == nullptr || k.left != nullptr, "A draft needs the tokens left of it");
    require(k.log_probability == nullptr || k.draft != nullptr,
            "Log-probabilities of a draft need the draft");
    const int32_t width = rows[static_cast<size_t>(k.row[0])].width;
    for (int a = 0; a < k.rows; ++a) {
        const DecodedRow& row = rows[static_cast<size_t>(k.row[a])];
        if (row.appended == 0) {
            throw Error(ARDIFF_INVALID_STATE, format("Row %d has had no step", k.row[a]));
        }
        check_range("Number of kept slots", k.keep[a], 1, row.appended);
        if (k.draft == nullptr) continue;
        check_id("Token left of a draft", k.left[a], decoding.config.vocabulary);
        if (row.width == 0 || row.width != width) {
            throw Error(
                ARDIFF_INVALID_STATE,
                format("The last step of row %d had blocks of %d slots: expected %s", k.row[a],
                       row.width, row.width == 0 ? "1 or more" : "as many as the first row's"));
        }
    }
}

}  // namespace

int32_t ardiff_decoding_create(ardiff_model* model, const int32_t* ids, const uint8_t* mask,
                               int32_t sources, int32_t length, int32_t rows,
                               const int32_t* source_of_row, int32_t positions, int32_t flags,
                               ardiff_decoding** decoding, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        require(model != nullptr, "Model is NULL");
        require(ids != nullptr && mask != nullptr, "Source ids or mask are NULL");
        require(source_of_row != nullptr, "Sources of rows are NULL");
        require(decoding != nullptr, "Decoding output is NULL");
        const NetworkConfig& config = model->parameters.config;
        check_range("Number of sources", sources, 1, 1 << 24);
        check_range("Source length", length, 1, config.max_positions);
        check_range("Number of rows", rows, 1, 1 << 24);
        check_range("Number of positions", positions, 1, config.max_positions);
        check_range("Decoding flags", flags, 0, ARDIFF_DECODING_PORTABLE);
        check_sources(ids, mask, sources, length, config.vocabulary);
        for (int r = 0; r < rows; ++r) {
            check_range("Source of a row", source_of_row[r], 0, sources - 1);
        }
        if (!config.shifted || config.time != ARDIFF_TIME_NONE) {
            throw Error(ARDIFF_INVALID_ARGUMENT,
                        "Decoding needs a network in the shifted layout without time conditioning");
        }
        auto made = std::make_unique<ardiff_decoding>();
        made->config = config;
        made->backend = model->chosen_backend((flags & ARDIFF_DECODING_PORTABLE) != 0);
        made->decoder =
            made->backend->decode({ids, mask, sources, length, rows, source_of_row, positions});
        *decoding = made.release();
    });
}

void ardiff_decoding_free(ardiff_decoding* decoding) { delete decoding; }

int32_t ardiff_decoding_step(ardiff_decoding* decoding, int32_t rows, const int32_t* row,
                             const int32_t* stream_count, const int32_t* stream_ids, int32_t width,
                             const uint8_t* block, int32_t top, int32_t* ids,
                             float* log_probability, const int32_t* wanted,
                             float* wanted_log_probability, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        Decoder& decoder = decoder_of(decoding);
        const DecodingStep step = {rows,
                                   row,
                                   stream_count,
                                   stream_ids,
                                   width,
                                   block,
                                   top,
                                   ids,
                                   log_probability,
                                   wanted,
                                   wanted_log_probability};
        check_step(*decoding, step);
        decoder.step(step);
    });
}

int32_t ardiff_decoding_keep(ardiff_decoding* decoding, int32_t rows, const int32_t* row,
                             const int32_t* keep, const int32_t* left, int32_t* draft,
                             float* draft_log_probability, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        Decoder& decoder = decoder_of(decoding);
        const DecodingKeep request = {rows, row, keep, left, draft, draft_log_probability};
        check_keep(*decoding, request);
        decoder.keep(request);
    });
}

int32_t ardiff_decoding_copy(ardiff_decoding* decoding, int32_t count, const int32_t* from_row,
                             const int32_t* to_row, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        Decoder& decoder = decoder_of(decoding);
        check_rows("Row to copy to", count, to_row, decoder.rows().size(), true);
        check_rows("Row to copy", count, from_row, decoder.rows().size(), false);
        decoder.copy(count, from_row, to_row);
    });
}

int32_t ardiff_decoding_seconds(const ardiff_decoding* decoding, double* seconds, char* error,
                                int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        require(decoding != nullptr, "Decoding is NULL");
        require(seconds != nullptr, "Seconds output is NULL");
        const DecodingSeconds s = decoding->decoder->seconds();
        seconds[0] = s.encoder;
        seconds[1] = s.network;
        seconds[2] = s.choice;
        seconds[3] = s.draft;
    });
}
