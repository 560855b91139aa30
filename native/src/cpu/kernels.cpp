// The kernels of kernels.h for the instruction set ARDIFF_ISA names. See kernels.h for contracts.
//
// matmul: weights are packed in panels of P columns, panel[k][P], so the inner loop reads them in
// order; a block of R rows by P columns stays in registers over all k. With AMX, bfloat16 panels are
// tiles of 16x16 pairs and a block is 32x32. Sums run over k in order, without splitting.

#include "cpu/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "core/philox.h"
#include "cpu/vector_math.h"

namespace ardiff::cpu {
namespace {

constexpr int kPanel = 2 * W;               // columns of a float32 panel
constexpr int kBlock = W == 16 ? 12 : 6;    // rows of a register block
constexpr int kQueries = W == 16 ? 8 : 4;   // queries whose scores are computed together
constexpr int kTile = 16;                   // rows and columns of an AMX tile

int round_up(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

inline bf16 to_half(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<bf16>((bits >> 16) | 64);
    return static_cast<bf16>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
inline float from_half(bf16 x) {
    const uint32_t bits = static_cast<uint32_t>(x) << 16;
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}

inline void store(bf16* p, vec v) {
#if defined(__AVX512BF16__)
    const __m256bh half = _mm512_cvtneps_pbh((__m512)v);
#else
    typedef uint16_t hvec __attribute__((vector_size(W * 2)));
    uvec bits = (uvec)v;
    bits = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const hvec half = __builtin_convertvector(bits, hvec);
#endif
    std::memcpy(p, &half, sizeof half);
}
using ::store;

// ---------------------------------------------------------------- packing

int panel_width([[maybe_unused]] bool half) {
#if defined(__AMX_BF16__)
    if (half) return 2 * kTile;
#endif
    return kPanel;
}

int packed_columns(int out, bool half, bool geglu) {
    const int panel = panel_width(half);
    // A geglu panel holds panel/2 values and their panel/2 gates.
    return geglu ? round_up(out / 2, panel / 2) * 2 : round_up(out, panel);
}

int padded_inner(int in, [[maybe_unused]] bool half) {
#if defined(__AMX_BF16__)
    if (half) return round_up(in, kPad);
#endif
    return in;
}

int64_t packed_bytes(int out, int in, bool half, bool geglu) {
    const int64_t values =
        static_cast<int64_t>(packed_columns(out, half, geglu)) * padded_inner(in, half);
#if defined(__AMX_BF16__)
    if (half) return values * 2;
#endif
    return values * 4;
}

// The row of the weight matrix that packed column `column` comes from, or -1 for padding.
int source_row(int column, int out, int panel, bool geglu) {
    if (!geglu) return column < out ? column : -1;
    const int inner = out / 2, half_panel = panel / 2;
    const int within = column % panel;
    const int index = column / panel * half_panel + within % half_panel;
    if (index >= inner) return -1;
    return within < half_panel ? index : inner + index;
}

void pack(const float* weights, const float* bias, int out, int in, bool half, bool geglu, void* data,
          float* packed_bias) {
    const int panel = panel_width(half), columns = packed_columns(out, half, geglu);
    const int inner = padded_inner(in, half);
    for (int column = 0; column < columns; ++column) {
        const int row = source_row(column, out, panel, geglu);
        packed_bias[column] = row >= 0 && bias != nullptr ? bias[row] : 0.0f;
        const int64_t base = static_cast<int64_t>(column / panel) * panel * inner;
        const int within = column % panel;
        for (int k = 0; k < inner; ++k) {
            float value = row >= 0 && k < in ? weights[static_cast<int64_t>(row) * in + k] : 0.0f;
#if defined(__AMX_BF16__)
            if (half) {  // tiles [k / 32][column / 16] of 16 pairs of k by 16 columns
                const int64_t tile = (k / 32) * 2 + within / kTile;
                const int64_t at = base + tile * 512 + (k % 32) / 2 * 32 + within % kTile * 2 + k % 2;
                static_cast<bf16*>(data)[at] = to_half(value);
                continue;
            }
#endif
            if (half) value = from_half(to_half(value));
            static_cast<float*>(data)[base + static_cast<int64_t>(k) * panel + within] = value;
        }
    }
}

// ---------------------------------------------------------------- matmul

// Applies the epilogue to one row of a panel: `y` holds two vectors, bias included.
template <class Out>
inline void finish(Epilogue epilogue, vec y0, vec y1, Out* c) {
    switch (epilogue) {
        case Epilogue::store:
            break;
        case Epilogue::accumulate:
            if constexpr (std::is_same_v<Out, float>) {
                y0 += load(c);
                y1 += load(c + W);
            }
            break;
        case Epilogue::tanh:
            y0 = tanh(y0);
            y1 = tanh(y1);
            break;
        case Epilogue::gelu:
            y0 = gelu(y0);
            y1 = gelu(y1);
            break;
        case Epilogue::silu:
            y0 = silu(y0);
            y1 = silu(y1);
            break;
        case Epilogue::geglu:
            store(c, y0 * gelu(y1));
            return;
    }
    store(c, y0);
    store(c + W, y1);
}

// One block of ROWS rows by one panel; `a` is read by broadcasting its elements.
template <int ROWS>
inline void block_product(int inner, const float* a, ptrdiff_t a_stride, const float* panel,
                          vec (&low)[ROWS], vec (&high)[ROWS]) {
    for (int r = 0; r < ROWS; ++r) low[r] = high[r] = vec{};
    for (int k = 0; k < inner; ++k) {
        const vec b0 = load(panel + static_cast<ptrdiff_t>(k) * kPanel);
        const vec b1 = load(panel + static_cast<ptrdiff_t>(k) * kPanel + W);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            const float x = a[r * a_stride + k];
            low[r] += x * b0;
            high[r] += x * b1;
        }
    }
}

template <int ROWS, class Out>
void block(int inner, const float* a, ptrdiff_t a_stride, const float* panel, const float* bias,
           Epilogue epilogue, Out* c, ptrdiff_t c_stride) {
    vec low[ROWS], high[ROWS];
    block_product<ROWS>(inner, a, a_stride, panel, low, high);
    const vec bias0 = load(bias), bias1 = load(bias + W);
    for (int r = 0; r < ROWS; ++r) finish(epilogue, low[r] + bias0, high[r] + bias1, c + r * c_stride);
}

// Calls work(count, first) for blocks of `rows` rows; count is a compile-time number: `largest`, then
// smaller ones for what remains. Four rows nearly keep the multipliers busy, one does not.
template <int largest, class Work>
inline void for_row_blocks(int rows, const Work& work) {
    int r = 0;
    const auto blocks_of = [&](auto count) {
        for (; r + count <= rows; r += count) work(count, r);
    };
    blocks_of(std::integral_constant<int, largest>{});
    blocks_of(std::integral_constant<int, 4>{});
    blocks_of(std::integral_constant<int, 2>{});
    blocks_of(std::integral_constant<int, 1>{});
}

template <class Out>
void matmul_panels(int rows, const float* a, int a_stride, const PackedWeights& w, Epilogue epilogue,
                   Out* c, int c_stride) {
    const float* data = static_cast<const float*>(w.data);
    const int step = epilogue == Epilogue::geglu ? W : kPanel;
    for (int p = 0; p < w.columns / kPanel; ++p) {
        const float* panel = data + static_cast<ptrdiff_t>(p) * kPanel * w.in;
        const float* bias = w.bias + p * kPanel;
        Out* column = c + p * step;
        const auto rows_from = [&](auto count, int r) {
            block<count>(w.in, a + static_cast<ptrdiff_t>(r) * a_stride, a_stride, panel, bias, epilogue,
                         column + static_cast<ptrdiff_t>(r) * c_stride, c_stride);
        };
        for_row_blocks<kBlock>(rows, rows_from);
    }
}

void matmul_f32(int rows, const float* a, int a_stride, const PackedWeights& w, Epilogue epilogue,
                float* c, int c_stride) {
    matmul_panels(rows, a, a_stride, w, epilogue, c, c_stride);
}

#if defined(__AMX_BF16__)

struct alignas(64) TileConfig {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {};
    uint8_t rows[16] = {};
};

// All eight tiles 16 rows by 64 bytes. Released at the end: libtorch's kernels bring their own.
class TileSession {
  public:
    TileSession() {
        TileConfig config;
        for (int t = 0; t < 8; ++t) {
            config.row_bytes[t] = 64;
            config.rows[t] = kTile;
        }
        _tile_loadconfig(&config);
    }
    ~TileSession() { _tile_release(); }
    TileSession(const TileSession&) = delete;
    TileSession& operator=(const TileSession&) = delete;
};

template <class Out>
void matmul_tiles(int rows, const bf16* a, int a_stride, const PackedWeights& w, Epilogue epilogue,
                  Out* c, int c_stride) {
    const TileSession session;
    const int inner = round_up(w.in, kPad);
    const bf16* data = static_cast<const bf16*>(w.data);
    const int step = epilogue == Epilogue::geglu ? kTile : 2 * kTile;
    alignas(64) float result[2 * kTile][2 * kTile];
    for (int p = 0; p < w.columns / (2 * kTile); ++p) {
        const bf16* panel = data + static_cast<ptrdiff_t>(p) * 2 * kTile * inner;
        const vec bias0 = load(w.bias + p * 2 * kTile), bias1 = load(w.bias + p * 2 * kTile + W);
        for (int r = 0; r < rows; r += 2 * kTile) {
            const bf16* top = a + static_cast<ptrdiff_t>(r) * a_stride;
            const bf16* bottom = top + static_cast<ptrdiff_t>(kTile) * a_stride;
            _tile_zero(0);
            _tile_zero(1);
            _tile_zero(2);
            _tile_zero(3);
            for (int k = 0; k < inner; k += 32) {
                const bf16* tiles = panel + static_cast<ptrdiff_t>(k) * 2 * kTile;
                _tile_loadd(4, top + k, a_stride * 2);
                _tile_loadd(6, tiles, 64);
                _tile_dpbf16ps(0, 4, 6);
                _tile_loadd(7, tiles + 512, 64);
                _tile_dpbf16ps(1, 4, 7);
                _tile_loadd(5, bottom + k, a_stride * 2);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
            _tile_stored(0, &result[0][0], sizeof result[0]);
            _tile_stored(1, &result[0][kTile], sizeof result[0]);
            _tile_stored(2, &result[kTile][0], sizeof result[0]);
            _tile_stored(3, &result[kTile][kTile], sizeof result[0]);
            const int count = std::min(2 * kTile, rows - r);
            for (int i = 0; i < count; ++i) {
                finish(epilogue, load(result[i]) + bias0, load(result[i] + W) + bias1,
                       c + static_cast<ptrdiff_t>(r + i) * c_stride + p * step);
            }
        }
    }
}

#else

// Without AMX bfloat16 is a storage format: blocks of rows are widened and multiplied in float32.
template <class Out>
void matmul_tiles(int rows, const bf16* a, int a_stride, const PackedWeights& w, Epilogue epilogue,
                  Out* c, int c_stride) {
    constexpr int kRows = 4 * kBlock;
    std::vector<float> wide(static_cast<size_t>(kRows) * w.in);
    for (int r = 0; r < rows; r += kRows) {
        const int count = std::min(kRows, rows - r);
        for (int i = 0; i < count; ++i) {
            for (int k = 0; k < w.in; ++k) {
                wide[static_cast<size_t>(i) * w.in + k] =
                    from_half(a[static_cast<ptrdiff_t>(r + i) * a_stride + k]);
            }
        }
        matmul_panels(count, wide.data(), w.in, w, epilogue, c + static_cast<ptrdiff_t>(r) * c_stride,
                      c_stride);
    }
}

#endif

void matmul_bf16(int rows, const bf16* a, int a_stride, const PackedWeights& w, Epilogue epilogue,
                 float* c, int c_stride) {
    matmul_tiles(rows, a, a_stride, w, epilogue, c, c_stride);
}

void matmul_bf16_out(int rows, const bf16* a, int a_stride, const PackedWeights& w, Epilogue epilogue,
                     bf16* c, int c_stride) {
    matmul_tiles(rows, a, a_stride, w, epilogue, c, c_stride);
}

// ---------------------------------------------------------------- rows

void layer_norm(int rows, int width, const float* x, int x_stride, const float* weight,
                const float* bias, float eps, float* y, int y_stride, bf16* half, int half_stride) {
    const int whole = width / W * W;
    for (int r = 0; r < rows; ++r) {
        const float* row = x + static_cast<ptrdiff_t>(r) * x_stride;
        vec total{};
        for (int c = 0; c < whole; c += W) total += load(row + c);
        float mean = sum(total);
        for (int c = whole; c < width; ++c) mean += row[c];
        mean /= static_cast<float>(width);
        vec squares{};
        for (int c = 0; c < whole; c += W) {
            const vec centred = load(row + c) - mean;
            squares += centred * centred;
        }
        float variance = sum(squares);
        for (int c = whole; c < width; ++c) variance += (row[c] - mean) * (row[c] - mean);
        const float scale = 1.0f / std::sqrt(variance / static_cast<float>(width) + eps);
        float* out = y == nullptr ? nullptr : y + static_cast<ptrdiff_t>(r) * y_stride;
        bf16* out_half = half == nullptr ? nullptr : half + static_cast<ptrdiff_t>(r) * half_stride;
        for (int c = 0; c < whole; c += W) {
            const vec value = (load(row + c) - mean) * scale * load(weight + c) + load(bias + c);
            if (out != nullptr) store(out + c, value);
            if (out_half != nullptr) store(out_half + c, value);
        }
        for (int c = whole; c < width; ++c) {
            const float value = (row[c] - mean) * scale * weight[c] + bias[c];
            if (out != nullptr) out[c] = value;
            if (out_half != nullptr) out_half[c] = to_half(value);
        }
    }
}

void to_bf16(int64_t count, const float* x, bf16* y) {
    for (int64_t i = 0; i < count; ++i) y[i] = to_half(x[i]);
}

// ---------------------------------------------------------------- attention

// Scaled scores of ROWS queries against VECTORS vectors of keys.
template <int ROWS, int VECTORS>
inline void score_keys(const float* q, ptrdiff_t q_stride, int head_size, float scale,
                       const HeadKeys& keys, int first, float* scores) {
    const ptrdiff_t stride = keys.key_stride;
    vec acc[ROWS][VECTORS] = {};
    for (int c = 0; c < head_size; ++c) {
        vec k[VECTORS];
        for (int v = 0; v < VECTORS; ++v) k[v] = load(keys.keys + c * stride + first + v * W);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            const float x = q[r * q_stride + c];
            for (int v = 0; v < VECTORS; ++v) acc[r][v] += x * k[v];
        }
    }
    for (int v = 0; v < VECTORS; ++v) {
        const int at = first + v * W;
        const vec bias = load(keys.bias + at);
        for (int r = 0; r < ROWS; ++r) store(scores + r * stride + at, acc[r][v] * scale + bias);
    }
}

// Turns the scores of one query into weights; returns what they must be multiplied by to sum to 1.
inline float soften(float* scores, int count) {
    vec top = load(scores);
    for (int j = W; j < count; j += W) top = maximum(top, load(scores + j));
    const float peak = largest(top);
    vec total{};
    for (int j = 0; j < count; j += W) {
        const vec weight = exp(load(scores + j) - peak);
        store(scores + j, weight);
        total += weight;
    }
    return 1.0f / sum(total);
}

// The first `count` values of a vector.
template <class Out>
inline void store_some(Out* out, vec v, int count) {
    if (count >= W) return store(out, v);
    alignas(64) Out all[W];
    store(all, v);
    std::copy(all, all + count, out);
}

// VECTORS vectors of the weighted values of ROWS queries.
template <int ROWS, int VECTORS, class Out>
inline void weigh_values(const float* weights, const float* factors, const HeadKeys& keys, int first,
                         int head_size, Out* out, ptrdiff_t out_stride) {
    vec acc[ROWS][VECTORS] = {};
    for (int j = 0; j < keys.count; ++j) {
        const float* value = keys.values + static_cast<ptrdiff_t>(j) * keys.value_stride + first;
        vec x[VECTORS];
        for (int v = 0; v < VECTORS; ++v) x[v] = load(value + v * W);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            const float weight = weights[static_cast<ptrdiff_t>(r) * keys.key_stride + j];
            for (int v = 0; v < VECTORS; ++v) acc[r][v] += weight * x[v];
        }
    }
    for (int r = 0; r < ROWS; ++r) {
        for (int v = 0; v < VECTORS; ++v) {
            const int at = first + v * W;
            store_some(out + r * out_stride + at, acc[r][v] * factors[r], head_size - at);
        }
    }
}

template <int ROWS, class Out>
void attend_rows(const float* q, ptrdiff_t q_stride, int head_size, float scale, const HeadKeys& keys,
                 float* scores, Out* out, ptrdiff_t out_stride) {
    int j = 0;
    for (; j + 2 * W <= keys.key_stride; j += 2 * W) {
        score_keys<ROWS, 2>(q, q_stride, head_size, scale, keys, j, scores);
    }
    if (j < keys.key_stride) score_keys<ROWS, 1>(q, q_stride, head_size, scale, keys, j, scores);
    float factors[ROWS];
    for (int r = 0; r < ROWS; ++r) factors[r] = soften(scores + r * keys.key_stride, keys.key_stride);
    int c = 0;
    for (; c + W < head_size; c += 2 * W) {
        weigh_values<ROWS, 2>(scores, factors, keys, c, head_size, out, out_stride);
    }
    if (c < head_size) weigh_values<ROWS, 1>(scores, factors, keys, c, head_size, out, out_stride);
}

template <class Out>
void attend_head(int queries, const float* q, ptrdiff_t q_stride, int head_size, float scale,
                 const HeadKeys& keys, float* scratch, Out* out, ptrdiff_t out_stride) {
    for_row_blocks<kQueries>(queries, [&](auto count, int first) {
        attend_rows<count>(q + first * q_stride, q_stride, head_size, scale, keys, scratch,
                           out + first * out_stride, out_stride);
    });
}

void attend(int queries, const float* q, int q_stride, int head_size, float scale,
            const HeadKeys& keys, float* scratch, float* out, bf16* out_half, int out_stride) {
    if (out != nullptr) {
        attend_head(queries, q, q_stride, head_size, scale, keys, scratch, out, out_stride);
    } else {
        attend_head(queries, q, q_stride, head_size, scale, keys, scratch, out_half, out_stride);
    }
}

// ---------------------------------------------------------------- vocabulary

// x . e in float32, always summed in the same order, so that all paths agree on ties.
inline float dot(const float* x, const float* e, int stride) {
    vec total{};
    for (int c = 0; c < stride; c += W) total += load(x + c) * load(e + c);
    return sum(total);
}

constexpr int kGroup = kPad;  // entries whose approximate maximum is kept; one rescoring unit
constexpr float kRounding = 1.0f / (1 << 23);  // two sums of n products differ by at most n times this

inline int groups_of(const Vocabulary& vocabulary) { return (vocabulary.size + kGroup - 1) / kGroup; }

// The exact best entry of one row so far.
struct Best {
    float score = -std::numeric_limits<float>::infinity();
    int32_t index = 0;

    void consider_group(int group, const float* x, const Vocabulary& vocabulary, const float* bias) {
        const int last = std::min(vocabulary.size, (group + 1) * kGroup);
        for (int v = group * kGroup; v < last; ++v) {
            const float* e = vocabulary.table + static_cast<ptrdiff_t>(v) * vocabulary.stride;
            const float s = dot(x, e, vocabulary.stride) + bias[v];
            if (s > score) {
                score = s;
                index = v;
            }
        }
    }
};

#if defined(__AMX_BF16__)
// Screening in bfloat16: tiles of 16 entries by 16 rows of x, so a group's maxima are vertical ones.

constexpr int kRowBlock = 2 * kTile;           // rows of x that are multiplied together
constexpr int kScreenRows = 4 * kRowBlock;     // rows that share one pass over the vocabulary
static_assert(kGroup == 2 * kTile && W == kTile);

int64_t vocabulary_bytes(int size, int width) {
    return static_cast<int64_t>(round_up(size, kGroup)) * padded(width) * 2;
}

// The length of what rounding to bfloat16 takes away from `x`; the rounded values go to `half`.
float round_to_half(const float* x, int count, bf16* half) {
    double square = 0;
    for (int c = 0; c < count; ++c) {
        half[c] = to_half(x[c]);
        const double lost = x[c] - from_half(half[c]);
        square += lost * lost;
    }
    return static_cast<float>(std::sqrt(square));
}

void pack_vocabulary(Vocabulary& vocabulary, void* packed) {
    const ptrdiff_t stride = vocabulary.stride;
    bf16* out = static_cast<bf16*>(packed);
    for (int v = 0; v < vocabulary.size; ++v) {
        const float lost = round_to_half(vocabulary.table + v * stride, vocabulary.stride, out + v * stride);
        vocabulary.largest_loss = std::max(vocabulary.largest_loss, lost);
    }
    std::fill(out + vocabulary.size * stride, out + round_up(vocabulary.size, kGroup) * stride, bf16{0});
    vocabulary.packed = packed;
}

// Rows of x as bfloat16 pairs, one row as bfloat16, and group maxima [groups][kScreenRows].
int64_t nearest_scratch(int, const Vocabulary& vocabulary) {
    return static_cast<int64_t>(kScreenRows) * (vocabulary.stride / 2 + groups_of(vocabulary)) +
           vocabulary.stride / 2;
}

using GroupScores = float[kGroup][kRowBlock];

// Scores without bias of one group of entries against one block of rows.
inline void multiply_group(const bf16* entries, const bf16* pairs, int inner, GroupScores& scores) {
    const ptrdiff_t stride = static_cast<ptrdiff_t>(inner) * 2, row_stride = kRowBlock * 4;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int k = 0; k < inner; k += 32) {
        const bf16* rows = pairs + static_cast<ptrdiff_t>(k) * kRowBlock;
        _tile_loadd(4, entries + k, stride);
        _tile_loadd(6, rows, row_stride);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, rows + 2 * kTile, row_stride);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, entries + static_cast<ptrdiff_t>(kTile) * inner + k, stride);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, &scores[0][0], sizeof scores[0]);
    _tile_stored(1, &scores[0][kTile], sizeof scores[0]);
    _tile_stored(2, &scores[kTile][0], sizeof scores[0]);
    _tile_stored(3, &scores[kTile][kTile], sizeof scores[0]);
}

// Approximate maxima [groups][kScreenRows] of some blocks of rows. The tile unit works on a block
// while the maxima of the one before are taken.
void screen(int blocks, const bf16* pairs, const Vocabulary& vocabulary, const float* bias, float* maxima) {
    const TileSession session;
    const bf16* table = static_cast<const bf16*>(vocabulary.packed);
    const int groups = groups_of(vocabulary), inner = vocabulary.stride;
    alignas(64) GroupScores scores[2];
    for (int i = 0; i <= groups * blocks; ++i) {
        if (i < groups * blocks) {
            multiply_group(table + static_cast<ptrdiff_t>(i / blocks) * kGroup * inner,
                           pairs + static_cast<ptrdiff_t>(i % blocks) * kRowBlock * inner, inner,
                           scores[i % 2]);
        }
        if (i == 0) continue;
        const int group = (i - 1) / blocks, block = (i - 1) % blocks;
        const float* offset = bias + group * kGroup;
        const GroupScores& done = scores[(i - 1) % 2];
        vec low = splat(-std::numeric_limits<float>::infinity()), high = low;
        for (int e = 0; e < kGroup; ++e) {
            low = maximum(low, load(done[e]) + offset[e]);
            high = maximum(high, load(done[e] + W) + offset[e]);
        }
        float* out = maxima + static_cast<ptrdiff_t>(group) * kScreenRows + block * kRowBlock;
        store(out, low);
        store(out + W, high);
    }
}

void nearest(int rows, const float* x, const Vocabulary& vocabulary, const float* bias, float* scratch,
             int32_t* index) {
    const int inner = vocabulary.stride, groups = groups_of(vocabulary);
    uint32_t* pairs = reinterpret_cast<uint32_t*>(scratch);  // [block][inner/2][kRowBlock]
    float* maxima = scratch + static_cast<ptrdiff_t>(kScreenRows) * inner / 2;
    bf16* half = reinterpret_cast<bf16*>(maxima + static_cast<ptrdiff_t>(kScreenRows) * groups);
    for (int r = 0; r < rows; r += kScreenRows) {
        const int count = std::min(kScreenRows, rows - r), blocks = (count + kRowBlock - 1) / kRowBlock;
        const float* first_row = x + static_cast<ptrdiff_t>(r) * inner;
        alignas(64) float slack[kScreenRows] = {}, limit[kScreenRows];
        for (int i = 0; i < blocks * kRowBlock; ++i) {
            // Rows beyond the last repeat it, and are ignored.
            const float* row = first_row + static_cast<ptrdiff_t>(std::min(i, count - 1)) * inner;
            // |x.e - x'.e'| <= |x - x'| |e| + |x'| |e - e'|, and the rounding of float32 sums.
            const float lost = round_to_half(row, inner, half), norm = std::sqrt(dot(row, row, inner));
            slack[i] = lost * vocabulary.largest_norm + (norm + lost) * vocabulary.largest_loss +
                       norm * vocabulary.largest_norm * static_cast<float>(inner) * kRounding;
            uint32_t* column = pairs + static_cast<ptrdiff_t>(i / kRowBlock) * kRowBlock * inner / 2 + i % kRowBlock;
            for (int k = 0; k < inner / 2; ++k) std::memcpy(column + k * kRowBlock, half + 2 * k, 4);
        }
        screen(blocks, reinterpret_cast<const bf16*>(pairs), vocabulary, bias, maxima);
        for (int t = 0; t < blocks * kRowBlock; t += W) {
            vec top = load(maxima + t);
            for (int g = 1; g < groups; ++g) {
                top = maximum(top, load(maxima + static_cast<ptrdiff_t>(g) * kScreenRows + t));
            }
            store(limit + t, top - 2.0f * (load(slack + t) + absolute(top) * kRounding));
        }
        Best best[kScreenRows];
        for (int g = 0; g < groups; ++g) {
            for (int t = 0; t < count; t += W) {
                const vec group_maxima = load(maxima + static_cast<ptrdiff_t>(g) * kScreenRows + t);
                unsigned candidates =
                    _mm512_cmp_ps_mask((__m512)group_maxima, (__m512)load(limit + t), _CMP_GE_OQ);
                for (; candidates != 0; candidates &= candidates - 1) {
                    const int i = t + __builtin_ctz(candidates);
                    best[i].consider_group(g, first_row + static_cast<ptrdiff_t>(std::min(i, count - 1)) * inner,
                                           vocabulary, bias);
                }
            }
        }
        for (int i = 0; i < count; ++i) index[r + i] = best[i].index;
    }
}

#else
// Screening in float32 with the matmul's register block; its sums differ from dot()'s by rounding.

int64_t vocabulary_bytes(int size, int width) {
    return static_cast<int64_t>(round_up(size, kGroup)) * width * 4;
}

void pack_vocabulary(Vocabulary& vocabulary, void* packed) {
    float* out = static_cast<float*>(packed);
    for (int v = 0; v < round_up(vocabulary.size, kGroup); ++v) {
        for (int k = 0; k < vocabulary.width; ++k) {
            const ptrdiff_t at = static_cast<ptrdiff_t>(v / kPanel) * kPanel * vocabulary.width +
                                 static_cast<ptrdiff_t>(k) * kPanel + v % kPanel;
            out[at] = v < vocabulary.size
                          ? vocabulary.table[static_cast<ptrdiff_t>(v) * vocabulary.stride + k]
                          : 0.0f;
        }
    }
    vocabulary.packed = packed;
}

int64_t nearest_scratch(int rows, const Vocabulary& vocabulary) {
    return static_cast<int64_t>(rows) * groups_of(vocabulary);
}

// Approximate maxima of one group for ROWS rows.
template <int ROWS>
void screen_rows(const float* x, const Vocabulary& vocabulary, const float* bias, int group,
                 float* maxima, ptrdiff_t maxima_stride) {
    vec top[ROWS];
    for (int r = 0; r < ROWS; ++r) top[r] = splat(-std::numeric_limits<float>::infinity());
    for (int v = group * kGroup; v < (group + 1) * kGroup; v += kPanel) {
        vec low[ROWS], high[ROWS];
        const float* panel = static_cast<const float*>(vocabulary.packed) +
                             static_cast<ptrdiff_t>(v) * vocabulary.width;
        block_product<ROWS>(vocabulary.width, x, vocabulary.stride, panel, low, high);
        const vec bias0 = load(bias + v), bias1 = load(bias + v + W);
        for (int r = 0; r < ROWS; ++r) {
            top[r] = maximum(top[r], maximum(low[r] + bias0, high[r] + bias1));
        }
    }
    for (int r = 0; r < ROWS; ++r) maxima[r * maxima_stride] = largest(top[r]);
}

void nearest(int rows, const float* x, const Vocabulary& vocabulary, const float* bias, float* scratch,
             int32_t* index) {
    const int groups = groups_of(vocabulary);
    for (int g = 0; g < groups; ++g) {
        for_row_blocks<kBlock>(rows, [&](auto count, int first) {
            screen_rows<count>(x + static_cast<ptrdiff_t>(first) * vocabulary.stride, vocabulary, bias, g,
                               scratch + static_cast<ptrdiff_t>(first) * groups + g, groups);
        });
    }
    for (int r = 0; r < rows; ++r) {
        const float* row = x + static_cast<ptrdiff_t>(r) * vocabulary.stride;
        const float* maxima = scratch + static_cast<ptrdiff_t>(r) * groups;
        const float top = *std::max_element(maxima, maxima + groups);
        const float norm = std::sqrt(dot(row, row, vocabulary.stride));
        const float slack = kRounding * (norm * vocabulary.largest_norm * static_cast<float>(vocabulary.stride) +
                                         std::fabs(top));
        const float limit = top - 2.0f * slack;
        Best best;
        for (int g = 0; g < groups; ++g) {
            if (maxima[g] >= limit) best.consider_group(g, row, vocabulary, bias);
        }
        index[r] = best.index;
    }
}

#endif

float log_sum_exp(const float* x, const Vocabulary& vocabulary, const float* bias) {
    alignas(64) float scores[256];
    float peak = -std::numeric_limits<float>::infinity();
    double total = 0;
    for (int v = 0; v < vocabulary.size; v += 256) {
        const int count = std::min(256, vocabulary.size - v);
        for (int i = 0; i < 256; ++i) scores[i] = -1e30f;
        float top = -std::numeric_limits<float>::infinity();
        for (int i = 0; i < count; ++i) {
            scores[i] = dot(x, vocabulary.table + static_cast<ptrdiff_t>(v + i) * vocabulary.stride,
                            vocabulary.stride) +
                        bias[v + i];
            top = std::max(top, scores[i]);
        }
        if (top > peak) {
            total *= std::exp(static_cast<double>(peak) - top);
            peak = top;
        }
        vec part{};
        for (int i = 0; i < count; i += W) part += exp(load(scores + i) - peak);
        total += sum(part);
    }
    return peak + static_cast<float>(std::log(total));
}

// ---------------------------------------------------------------- noise

inline void multiply(uvec a, uint32_t b, uvec& high, uvec& low) {
    const uvec2 product = __builtin_convertvector(a, uvec2) * static_cast<uint64_t>(b);
    high = __builtin_convertvector(product >> 32, uvec);
    low = __builtin_convertvector(product, uvec);
}

inline vec unit_interval(uvec x) {
    const uvec top = x >> 8;
    const ivec cell = (ivec)top;
    return (__builtin_convertvector(cell, vec) + 0.5f) * (1.0f / 16777216.0f);
}

// Box-Muller: two normal values from two uniform ones.
inline void box_muller(uvec a, uvec b, vec& first, vec& second) {
    const vec square = -2.0f * log(unit_interval(a));
    vec radius;
    for (int i = 0; i < W; ++i) radius[i] = std::sqrt(square[i]);
    vec cosine, sine;
    turn(unit_interval(b), cosine, sine);
    first = radius * cosine;
    second = radius * sine;
}

void normal(uint32_t key_low, uint32_t key_high, uint32_t candidate, uint32_t step, uint32_t slot,
            int channels, float* out) {
    const int quads = (channels + 3) / 4;
    for (int first = 0; first < quads; first += W) {
        uvec c0, c1 = slot - uvec{}, c2 = step - uvec{}, c3 = candidate - uvec{};
        for (int i = 0; i < W; ++i) c0[i] = static_cast<uint32_t>(first + i);
        uint32_t k0 = key_low, k1 = key_high;
        for (int round = 0; round < 10; ++round) {  // philox4x32_10 of core/philox.h, W at a time
            uvec high0, low0, high1, low1;
            multiply(c0, 0xD2511F53u, high0, low0);
            multiply(c2, 0xCD9E8D57u, high1, low1);
            c0 = high1 ^ c1 ^ k0;
            c2 = high0 ^ c3 ^ k1;
            c1 = low1;
            c3 = low0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        vec n0, n1, n2, n3;
        box_muller(c0, c1, n0, n1);
        box_muller(c2, c3, n2, n3);
        for (int i = 0; i < W && first + i < quads; ++i) {
            float* quad = out + (first + i) * 4;
            quad[0] = n0[i];
            quad[1] = n1[i];
            quad[2] = n2[i];
            quad[3] = n3[i];
        }
    }
}

}  // namespace

#define ARDIFF_TEXT_OF(x) #x
#define ARDIFF_TEXT(x) ARDIFF_TEXT_OF(x)
#define ARDIFF_JOIN_OF(a, b) a##b
#define ARDIFF_JOIN(a, b) ARDIFF_JOIN_OF(a, b)

extern const Kernels ARDIFF_JOIN(kernels_, ARDIFF_ISA);
const Kernels ARDIFF_JOIN(kernels_, ARDIFF_ISA) = {
    ARDIFF_TEXT(ARDIFF_ISA),
    W,
    packed_bytes,
    pack,
    packed_columns,
    matmul_f32,
    matmul_bf16,
    matmul_bf16_out,
    layer_norm,
    to_bf16,
    attend,
    vocabulary_bytes,
    pack_vocabulary,
    nearest_scratch,
    nearest,
    log_sum_exp,
    normal,
};

}  // namespace ardiff::cpu
