// The likeliest token is found by bytes first: it is the one that exact logits name, however close
// others come.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/parameters.h"
#include "cpu/kernels/kernels.h"
#include "sample.h"
#include "unit.h"

namespace test {
namespace {

using namespace ardiff::cpu;
using Floats = std::vector<float>;

// A table of tokens as decoding has it.
struct Tokens {
    Tokens(const Floats& rows, const Floats& biases, int out, int in)
        : packed(ardiff::allocate_floats(Matrix<float>::packed_values(out, in))),
          screen(ardiff::allocate_floats(kernels().screen_floats(out, in))),
          bias(biases) {
        bias.resize(static_cast<size_t>(padded(out)), -std::numeric_limits<float>::infinity());
        kernels().of_float.pack(rows.data(), out, in, packed.get(), nullptr);
        table.exact = {packed.get(), nullptr, bias.data(), out, in};
        kernels().pack_screen(rows.data(), in, table, screen.get());
    }

    ardiff::AlignedFloats packed, screen;
    Floats bias;
    TokenTable table;
};

// Whether the choice for `rows` rows x [rows][in] is that of the logits, in calls of `at_a_time`.
bool agree(const Tokens& tokens, const Floats& x, int rows, int at_a_time) {
    const Kernels& k = kernels();
    const int in = tokens.table.exact.in, out = tokens.table.exact.out, stride = padded(in);
    const auto apart = ardiff::allocate_floats(int64_t{rows + kSpareRows} * stride);
    std::fill_n(apart.get(), static_cast<size_t>(rows + kSpareRows) * stride, 1e6f);  // beyond C
    for (int r = 0; r < rows; ++r)
        std::copy_n(x.data() + static_cast<ptrdiff_t>(r) * in, in, apart.get() + r * stride);
    const auto logits = ardiff::allocate_floats(int64_t{rows + kSpareRows} * padded(out));
    k.of_float.forward(rows, apart.get(), stride, tokens.table.exact, 0, out, Epilogue::store,
                       logits.get(), padded(out));
    const auto scratch = ardiff::allocate_floats(k.best_tokens_scratch(at_a_time, tokens.table));
    std::vector<int32_t> found(static_cast<size_t>(rows));
    for (int r = 0; r < rows; r += at_a_time) {
        k.best_tokens(std::min(at_a_time, rows - r), apart.get() + r * stride, stride, tokens.table,
                      scratch.get(), found.data() + r);
    }
    for (int r = 0; r < rows; ++r) {
        const float* scores = logits.get() + static_cast<ptrdiff_t>(r) * padded(out);
        int best = 0;
        for (int v = 1; v < out; ++v) {
            if (scores[v] > scores[best]) best = v;
        }
        if (found[static_cast<size_t>(r)] != best) return false;
    }
    return true;
}

bool agree_in_all_calls(const Tokens& tokens, const Floats& x, int rows) {
    return agree(tokens, x, rows, 1) && agree(tokens, x, rows, 3) && agree(tokens, x, rows, 5) &&
           agree(tokens, x, rows, 32);
}

// Tokens in clusters of which all lie within `apart` of each other; rows that point at clusters.
void expect_exact_among(int cluster, float apart, const std::string& what) {
    const int out = 533, in = 44, rows = 61;  // neither panels nor rows come out even
    Random random(static_cast<uint64_t>(cluster) + 11);
    const Floats centres = random.values(static_cast<size_t>(out) * in);
    Floats table(static_cast<size_t>(out) * in), x(static_cast<size_t>(rows) * in);
    for (int v = 0; v < out; ++v) {
        for (int c = 0; c < in; ++c)
            table[static_cast<size_t>(v * in + c)] =
                centres[static_cast<size_t>(v / cluster * in + c)] + apart * random.value();
    }
    // Equal tokens, far apart: the first of them is wanted.
    std::copy_n(table.begin(), 40 * in, table.begin() + (out - 40) * in);
    for (int r = 0; r < rows; ++r) {
        const int v = random.below(out);
        for (int c = 0; c < in; ++c)
            x[static_cast<size_t>(r * in + c)] =
                3 * table[static_cast<size_t>(v * in + c)] + random.value();
    }
    const Floats bias(static_cast<size_t>(out), 0.25f);
    expect(agree_in_all_calls(Tokens(table, bias, out, in), x, rows), what);
}

// Two tokens that the bytes hold to be one: e = (127, 0.4) and (127, -0.4) become 1 * (127, 0),
// which loses 0.4 of each. The error is that, and for a row in steps of its greatest component by
// 32767, of which each component loses 0.52 at most, 0.52 * sqrt(2) / 32767 * 127.4 = 0.0029; a
// thousandth more, and 36 roundings of 2^-24 of 127.4: 0.4036.
void expect_bound_by_hand() {
    const Tokens tokens({127, -0.4f, 127, 0.4f}, {0, 0}, 2, 2);
    if (kernels().screen_floats(2, 2) > 0) {
        const float* scale = tokens.table.screen;
        const float* error = scale + padded(2);
        expect(tokens.table.reach == 32767 && scale[0] == 1 && scale[1] == 1,
               "the greatest component of a token is 127 steps");
        expect(error[0] > 0.4029f && error[0] < 0.4037f && error[0] == error[1],
               "the error of a token's bytes is what was found by hand");
    }
    expect(agree(tokens, {0, 1, 1, 1, -1, -1, 0, -1, 1, 0}, 5, 5),
           "tokens that the bytes cannot tell apart are told apart");
}

// Rows and tokens that steps cannot hold.
void expect_exact_at_extremes() {
    const int out = 70, in = 33;
    const float infinity = std::numeric_limits<float>::infinity();
    Random random(3);
    Floats table = random.values(static_cast<size_t>(out) * in);
    std::fill_n(table.begin() + 5 * in, in, 0.0f);
    for (int c = 0; c < in; ++c) table[static_cast<size_t>(6 * in + c)] *= 1e-30f;
    for (int c = 0; c < in; ++c) table[static_cast<size_t>(9 * in + c)] *= 1e6f;
    Floats bias = random.values(out);
    bias[0] = bias[40] = -infinity;
    Floats x;
    for (const float size : {0.0f, 1e-38f, 1e-25f, 1e-12f, 1.0f, 1e12f, 1e25f, infinity}) {
        for (const float v : random.values(in)) x.push_back(v * size);
    }
    x[static_cast<size_t>(4 * in)] = std::numeric_limits<float>::quiet_NaN();
    expect(agree_in_all_calls(Tokens(table, bias, out, in), x, 8),
           "rows of any size have the tokens that logits give them");
}

}  // namespace

void test_best_tokens() {
    const std::string best = kernels().name;
    for (const char* name : {"baseline", "avx2", "avx512", "amx", "neon"}) {
        if (!choose_kernels(name)) continue;
        const Work work(kernels());
        const std::string with = std::string(" with the kernels for ") + name;
        expect_exact_among(1, 0, "the best of tokens apart is the best" + with);
        expect_exact_among(7, 1e-2f, "the best of a few alike is the best" + with);
        expect_exact_among(60, 1e-4f, "the best of many alike is the best" + with);
        expect_exact_among(60, 1e-7f, "the best within a rounding is the best" + with);
        expect_exact_among(533, 0, "of equal tokens the first is the best" + with);
        expect_bound_by_hand();
        expect_exact_at_extremes();
    }
    choose_kernels(best.c_str());
}

}  // namespace test
