// Decoding: drafts that are kept and rejected, rows at different places, then wrong arguments.
#include <algorithm>
#include <limits>

#include "sample.h"

namespace test {
namespace {

constexpr int kVocabulary = 37, kPositions = 18, kRows = 5;
const std::vector<int32_t> kSourceOfRow{0, 1, 1, 0, 1};

ardiff_network_config shifted_network() {
    ardiff_network_config config = small_network(ARDIFF_TIME_NONE);
    config.shifted = 1;
    config.token_chain = 7;
    return config;
}

std::vector<ardiff_network_config> shifted_networks() {
    ardiff_network_config plain = shifted_network();
    ardiff_network_config direct = plain;
    direct.embedding_size = direct.hidden_size;
    direct.input_projection = 0;
    direct.token_chain = 0;
    ardiff_network_config narrow = plain;
    narrow.attention_heads = 24;
    narrow.embedding_layer_norm = 1;
    narrow.vocabulary_size = 300;
    return {plain, direct, narrow};
}

// A decoding, freed with its scope.
class Decoding {
  public:
    Decoding(const Model& model, const Sources& sources, int32_t flags)
        : vocabulary(model.config.vocabulary_size) {
        accepted("ardiff_decoding_create", ardiff_decoding_create, model.handle, sources.ids.data(),
                 sources.mask.data(), sources.count, sources.length, kRows, kSourceOfRow.data(),
                 kPositions, flags, &handle);
    }
    Decoding(const Decoding&) = delete;
    ~Decoding() { ardiff_decoding_free(handle); }

    int vocabulary;
    ardiff_decoding* handle = nullptr;
};

// Calls with rows in changing company; all that is written must be in range.
void drive(const Model& model, const Sources& sources, int32_t flags) {
    Decoding decoding(model, sources, flags);
    Random random(3);
    std::vector<int32_t> settled(kRows, 0);
    for (int call = 0; call < 7; ++call) {
        std::vector<int32_t> row, count, keep, left, ids;
        std::vector<uint8_t> block;
        const int width = call % 4, top = call == 2 ? decoding.vocabulary : 1 + call % 3;
        for (int r = call % 3; r < kRows; r += 1 + call % 2) {
            const int room = kPositions - settled[static_cast<size_t>(r)];
            if (room == 0) continue;
            row.push_back(r);
            count.push_back(1 + random.below(std::min(room, 4)));
            for (int i = 0; i < count.back(); ++i) {
                ids.push_back(random.below(decoding.vocabulary));
                block.push_back(static_cast<uint8_t>(random.below(2)));
            }
            keep.push_back(1 + random.below(count.back()));
            left.push_back(random.below(decoding.vocabulary));
            settled[static_cast<size_t>(r)] += keep.back();
        }
        const auto rows = static_cast<int32_t>(row.size());
        std::vector<int32_t> best(ids.size() * static_cast<size_t>(top), -9);
        std::vector<float> scores(best.size(), 1.0f), wanted(ids.size(), 1.0f);
        const bool scored = call % 2 == 0;
        accepted("ardiff_decoding_step", ardiff_decoding_step, decoding.handle, rows, row.data(),
                 count.data(), ids.data(), width, block.data(), top, best.data(),
                 scored ? scores.data() : nullptr, scored ? ids.data() : nullptr,
                 scored ? wanted.data() : nullptr);
        expect(all_within(best, 0, decoding.vocabulary - 1), "predicted tokens are ids");
        if (scored) {
            for (float x : scores) expect(x <= 0 && std::isfinite(x), "a log-probability");
            for (float x : wanted) expect(x <= 0 && std::isfinite(x), "a wanted log-probability");
        }
        std::vector<int32_t> draft(row.size() * static_cast<size_t>(width), -9);
        std::vector<float> likely(draft.size(), 1.0f);
        accepted("ardiff_decoding_keep", ardiff_decoding_keep, decoding.handle, rows, row.data(),
                 keep.data(), width > 0 ? left.data() : nullptr, width > 0 ? draft.data() : nullptr,
                 width > 0 && scored ? likely.data() : nullptr);
        expect(all_within(draft, 0, decoding.vocabulary - 1), "drafted tokens are ids");
        if (call == 4) {
            const std::vector<int32_t> from{1, 0, 1}, to{0, 1, 2};
            accepted("ardiff_decoding_copy", ardiff_decoding_copy, decoding.handle, 3, from.data(),
                     to.data());
            const std::vector<int32_t> before = settled;
            settled[0] = before[1];
            settled[1] = before[0];
            settled[2] = before[1];
        }
    }
    std::vector<double> seconds(4, -1.0);
    accepted("ardiff_decoding_seconds", ardiff_decoding_seconds, decoding.handle, seconds.data());
    expect(seconds[0] >= 0 && seconds[1] > 0 && seconds[2] > 0 && seconds[3] >= 0,
           "every part took its time");
}

void test_every_network() {
    for (const ardiff_network_config& config : shifted_networks()) {
        for (const char* kernels : kernel_names()) {
            ardiff_choose_kernels(kernels, nullptr, 0);
            for (int32_t dtype : {ARDIFF_DTYPE_F32, ARDIFF_DTYPE_BF16}) {
                Model model(config);
                model.fill(2);
                accepted("ardiff_model_prepare", ardiff_model_prepare, model.handle,
                         ARDIFF_DEVICE_CPU, 0, dtype, 3);
                const Sources sources(2, 7, config.vocabulary_size, 5);
                drive(model, sources, 0);
                drive(model, sources, ARDIFF_DECODING_PORTABLE);
            }
        }
    }
}

void test_wrong_creation() {
    Model model(shifted_network());
    model.fill(2);
    Sources sources(2, 4, kVocabulary, 1);
    ardiff_decoding* const sentinel = reinterpret_cast<ardiff_decoding*>(1);
    ardiff_decoding* made = sentinel;
    struct Sizes {
        int32_t sources = 2, length = 4, rows = kRows, positions = 3, flags = 0;
    };
    const auto refuse = [&](int32_t status, const char* says, Sizes s) {
        refused(status, says, ardiff_decoding_create, model.handle, sources.ids.data(),
                sources.mask.data(), s.sources, s.length, s.rows, kSourceOfRow.data(), s.positions,
                s.flags, &made);
        expect(made == sentinel, "a refused decoding leaves its output untouched");
    };
    refuse(ARDIFF_INVALID_STATE, "not prepared", {});
    accepted("ardiff_model_prepare", ardiff_model_prepare, model.handle, ARDIFF_DEVICE_CPU, 0,
             ARDIFF_DTYPE_F32, 1);
    for (int32_t n : {0, -1, INT32_MIN, INT32_MAX}) {
        refuse(ARDIFF_INVALID_ARGUMENT, "Number of sources", {.sources = n});
        refuse(ARDIFF_INVALID_ARGUMENT, "Source length", {.length = n});
        refuse(ARDIFF_INVALID_ARGUMENT, "Number of rows", {.rows = n});
        refuse(ARDIFF_INVALID_ARGUMENT, "Number of positions", {.positions = n});
    }
    refuse(ARDIFF_INVALID_ARGUMENT, "Number of positions is 20", {.positions = 20});
    refuse(ARDIFF_INVALID_ARGUMENT, "Source of a row is 1", {.sources = 1});
    for (int32_t n : {-1, 2}) refuse(ARDIFF_INVALID_ARGUMENT, "flags", {.flags = n});
    const std::vector<uint8_t> mask = sources.mask;
    std::fill(sources.mask.begin() + 4, sources.mask.end(), uint8_t{0});
    refuse(ARDIFF_INVALID_ARGUMENT, "Source 1 has no unmasked token", {});
    sources.mask = mask;
    const auto create = ardiff_decoding_create;
    const int32_t* const ids = sources.ids.data();
    const int32_t* const source = kSourceOfRow.data();
    refused(ARDIFF_INVALID_ARGUMENT, "Model is NULL", create, nullptr, ids, mask.data(), 2, 4,
            kRows, source, 3, 0, &made);
    refused(ARDIFF_INVALID_ARGUMENT, "ids or mask", create, model.handle, nullptr, mask.data(), 2,
            4, kRows, source, 3, 0, &made);
    refused(ARDIFF_INVALID_ARGUMENT, "ids or mask", create, model.handle, ids, nullptr, 2, 4, kRows,
            source, 3, 0, &made);
    refused(ARDIFF_INVALID_ARGUMENT, "Sources of rows", create, model.handle, ids, mask.data(), 2,
            4, kRows, nullptr, 3, 0, &made);
    refused(ARDIFF_INVALID_ARGUMENT, "output is NULL", create, model.handle, ids, mask.data(), 2, 4,
            kRows, source, 3, 0, nullptr);
    Model other(small_network(ARDIFF_TIME_NONE));
    refused(ARDIFF_INVALID_ARGUMENT, "shifted layout", create, other.handle, ids, mask.data(), 2, 4,
            kRows, source, 3, 0, &made);
    ardiff_decoding_free(nullptr);
}

void test_wrong_calls() {
    Model model(shifted_network());
    model.fill(2);
    accepted("ardiff_model_prepare", ardiff_model_prepare, model.handle, ARDIFF_DEVICE_CPU, 0,
             ARDIFF_DTYPE_F32, 1);
    Decoding decoding(model, Sources(2, 4, kVocabulary, 1), 0);
    std::vector<int32_t> row{1, 3}, count{2, 1}, ids{1, 2, 3}, best(3), keep{1, 1}, left{4, 5},
        draft(4);
    std::vector<uint8_t> block{1, 0, 1};
    std::vector<float> scores(3);
    const auto refuse_step = [&](const char* says, int32_t rows, int32_t width, int32_t top) {
        refused(ARDIFF_INVALID_ARGUMENT, says, ardiff_decoding_step, decoding.handle, rows,
                row.data(), count.data(), ids.data(), width, block.data(), top, best.data(),
                nullptr, nullptr, nullptr);
    };
    for (int32_t rows : {0, -1, kRows + 1}) refuse_step("Number of rows", rows, 2, 1);
    for (int32_t width : {-1, 20}) refuse_step("Block width", 2, width, 1);
    for (int32_t top : {0, kVocabulary + 1}) refuse_step("likeliest", 2, 2, top);
    for (int32_t bad : {-1, kRows}) {
        row[1] = bad;
        refuse_step("Row is", 2, 2, 1);
    }
    row[1] = 1;
    refuse_step("Row 1 is named twice", 2, 2, 1);
    row[1] = 3;
    for (int32_t bad : {0, -1, kPositions + 1}) {
        count[0] = bad;
        refuse_step("Number of appended slots", 2, 2, 1);
    }
    count[0] = 2;
    for (int32_t bad : {-1, kVocabulary}) {
        ids[2] = bad;
        refuse_step("Appended token", 2, 2, 1);
    }
    ids[2] = 3;
    block[2] = 2;
    refuse_step("Block flag", 2, 2, 1);
    block[2] = 0;
    const auto step = ardiff_decoding_step;
    refused(ARDIFF_INVALID_ARGUMENT, "Decoding is NULL", step, nullptr, 2, row.data(), count.data(),
            ids.data(), 2, block.data(), 1, best.data(), nullptr, nullptr, nullptr);
    refused(ARDIFF_INVALID_ARGUMENT, "Row numbers", step, decoding.handle, 2, nullptr, count.data(),
            ids.data(), 2, block.data(), 1, best.data(), nullptr, nullptr, nullptr);
    refused(ARDIFF_INVALID_ARGUMENT, "stream array", step, decoding.handle, 2, row.data(), nullptr,
            ids.data(), 2, block.data(), 1, best.data(), nullptr, nullptr, nullptr);
    refused(ARDIFF_INVALID_ARGUMENT, "Token output", step, decoding.handle, 2, row.data(),
            count.data(), ids.data(), 2, block.data(), 1, nullptr, nullptr, nullptr, nullptr);
    refused(ARDIFF_INVALID_ARGUMENT, "one is NULL", step, decoding.handle, 2, row.data(),
            count.data(), ids.data(), 2, block.data(), 1, best.data(), nullptr, nullptr,
            scores.data());

    const auto refuse_keep = [&](int32_t status, const char* says, int32_t rows) {
        refused(status, says, ardiff_decoding_keep, decoding.handle, rows, row.data(), keep.data(),
                left.data(), draft.data(), nullptr);
    };
    refuse_keep(ARDIFF_INVALID_STATE, "Row 1 has had no step", 2);
    accepted("ardiff_decoding_step", ardiff_decoding_step, decoding.handle, 2, row.data(),
             count.data(), ids.data(), 2, block.data(), 1, best.data(), nullptr, nullptr, nullptr);
    for (int32_t bad : {0, -1, 3}) {
        keep[0] = bad;
        refuse_keep(ARDIFF_INVALID_ARGUMENT, "Number of kept slots", 2);
    }
    keep[0] = 1;
    for (int32_t bad : {-1, kVocabulary}) {
        left[1] = bad;
        refuse_keep(ARDIFF_INVALID_ARGUMENT, "Token left of a draft", 2);
    }
    left[1] = 5;
    refused(ARDIFF_INVALID_ARGUMENT, "NULL", ardiff_decoding_keep, decoding.handle, 2, row.data(),
            nullptr, left.data(), draft.data(), nullptr);
    refused(ARDIFF_INVALID_ARGUMENT, "needs the tokens", ardiff_decoding_keep, decoding.handle, 2,
            row.data(), keep.data(), nullptr, draft.data(), nullptr);
    refused(ARDIFF_INVALID_ARGUMENT, "need the draft", ardiff_decoding_keep, decoding.handle, 2,
            row.data(), keep.data(), nullptr, nullptr, scores.data());
    refused(ARDIFF_INVALID_ARGUMENT, "Decoding is NULL", ardiff_decoding_keep, nullptr, 2,
            row.data(), keep.data(), left.data(), draft.data(), nullptr);
    const std::vector<int32_t> one{2}, single{1};
    accepted("ardiff_decoding_step", ardiff_decoding_step, decoding.handle, 1, one.data(),
             single.data(), ids.data(), 0, block.data(), 1, best.data(), nullptr, nullptr, nullptr);
    refused(ARDIFF_INVALID_STATE, "blocks of 0 slots", ardiff_decoding_keep, decoding.handle, 1,
            one.data(), single.data(), left.data(), draft.data(), nullptr);

    for (int32_t bad : {-1, kRows}) {
        const std::vector<int32_t> wrong{bad};
        refused(ARDIFF_INVALID_ARGUMENT, "Row to copy is", ardiff_decoding_copy, decoding.handle, 1,
                wrong.data(), one.data());
        refused(ARDIFF_INVALID_ARGUMENT, "Row to copy to is", ardiff_decoding_copy, decoding.handle,
                1, one.data(), wrong.data());
    }
    const std::vector<int32_t> twice{2, 2};
    refused(ARDIFF_INVALID_ARGUMENT, "named twice", ardiff_decoding_copy, decoding.handle, 2,
            row.data(), twice.data());
    refused(ARDIFF_INVALID_ARGUMENT, "Decoding is NULL", ardiff_decoding_copy, nullptr, 1,
            one.data(), one.data());
    std::vector<double> seconds(4);
    refused(ARDIFF_INVALID_ARGUMENT, "Decoding is NULL", ardiff_decoding_seconds, nullptr,
            seconds.data());
    refused(ARDIFF_INVALID_ARGUMENT, "output is NULL", ardiff_decoding_seconds, decoding.handle,
            nullptr);
}

}  // namespace

void test_decoding() {
    test_every_network();
    test_wrong_creation();
    test_wrong_calls();
}

}  // namespace test
