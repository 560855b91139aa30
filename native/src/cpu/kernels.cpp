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
#include <vector>

#include "core/philox.h"
#include "cpu/vector_math.h"

#if defined(__AMX_BF16__)
#include <immintrin.h>
#endif

namespace ardiff::cpu {
namespace {

constexpr int kPanel = 2 * W;               // columns of a float32 panel
constexpr int kBlock = W == 16 ? 12 : 6;    // rows of a register block
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
    typedef uint16_t hvec __attribute__((vector_size(W * 2)));
    uvec bits = (uvec)v;
    bits = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const hvec half = __builtin_convertvector(bits, hvec);
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

template <class Out>
void matmul_panels(int rows, const float* a, int a_stride, const PackedWeights& w, Epilogue epilogue,
                   Out* c, int c_stride) {
    const float* data = static_cast<const float*>(w.data);
    const int step = epilogue == Epilogue::geglu ? W : kPanel;
    for (int p = 0; p < w.columns / kPanel; ++p) {
        const float* panel = data + static_cast<ptrdiff_t>(p) * kPanel * w.in;
        const float* bias = w.bias + p * kPanel;
        Out* column = c + p * step;
        int r = 0;
        for (; r + kBlock <= rows; r += kBlock) {
            block<kBlock>(w.in, a + static_cast<ptrdiff_t>(r) * a_stride, a_stride, panel, bias,
                          epilogue, column + static_cast<ptrdiff_t>(r) * c_stride, c_stride);
        }
        for (; r < rows; ++r) {
            block<1>(w.in, a + static_cast<ptrdiff_t>(r) * a_stride, a_stride, panel, bias, epilogue,
                     column + static_cast<ptrdiff_t>(r) * c_stride, c_stride);
        }
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

// Scores of ROWS queries against all keys, their softmax, and the weighted values.
template <int ROWS>
void attend_rows(const float* q, int q_stride, int head_size, float scale, const HeadKeys& keys,
                 float* scores, float* out, bf16* out_half, int out_stride) {
    const int stride = keys.key_stride;
    constexpr int kVectors = 4;
    for (int j = 0; j < stride; j += kVectors * W) {
        const int vectors = std::min(kVectors, (stride - j) / W);
        vec acc[ROWS][kVectors] = {};
        for (int c = 0; c < head_size; ++c) {
            const float* column = keys.keys + static_cast<ptrdiff_t>(c) * stride + j;
            if (vectors == kVectors) {
                const vec k0 = load(column), k1 = load(column + W), k2 = load(column + 2 * W),
                          k3 = load(column + 3 * W);
                for (int r = 0; r < ROWS; ++r) {
                    const float x = q[static_cast<ptrdiff_t>(r) * q_stride + c];
                    acc[r][0] += x * k0;
                    acc[r][1] += x * k1;
                    acc[r][2] += x * k2;
                    acc[r][3] += x * k3;
                }
            } else {
                for (int v = 0; v < vectors; ++v) {
                    const vec k = load(column + v * W);
                    for (int r = 0; r < ROWS; ++r) {
                        acc[r][v] += q[static_cast<ptrdiff_t>(r) * q_stride + c] * k;
                    }
                }
            }
        }
        for (int r = 0; r < ROWS; ++r) {
            for (int v = 0; v < vectors; ++v) {
                store(scores + r * stride + j + v * W, acc[r][v] * scale + load(keys.bias + j + v * W));
            }
        }
    }
    float inverse[ROWS];
    for (int r = 0; r < ROWS; ++r) {
        float* row = scores + r * stride;
        vec top = load(row);
        for (int j = W; j < stride; j += W) top = maximum(top, load(row + j));
        const float peak = largest(top);
        vec total{};
        for (int j = 0; j < stride; j += W) {
            const vec weight = exp(load(row + j) - peak);
            store(row + j, weight);
            total += weight;
        }
        inverse[r] = 1.0f / sum(total);
    }
    for (int c = 0; c < head_size; c += 2 * W) {
        const bool wide = head_size - c > W;
        vec low[ROWS] = {}, high[ROWS] = {};
        for (int j = 0; j < keys.count; ++j) {
            const float* value = keys.values + static_cast<ptrdiff_t>(j) * keys.value_stride + c;
            const vec v0 = load(value);
            const vec v1 = wide ? load(value + W) : vec{};
            for (int r = 0; r < ROWS; ++r) {
                const float weight = scores[r * stride + j];
                low[r] += weight * v0;
                if (wide) high[r] += weight * v1;
            }
        }
        const int count = std::min(2 * W, head_size - c);
        for (int r = 0; r < ROWS; ++r) {
            alignas(64) float result[2 * W];
            store(result, low[r] * inverse[r]);
            store(result + W, high[r] * inverse[r]);
            const ptrdiff_t at = static_cast<ptrdiff_t>(r) * out_stride + c;
            if (out != nullptr) {
                std::memcpy(out + at, result, static_cast<size_t>(count) * sizeof(float));
            } else {
                for (int i = 0; i < count; ++i) out_half[at + i] = to_half(result[i]);
            }
        }
    }
}

void attend(int queries, const float* q, int q_stride, int head_size, float scale,
            const HeadKeys& keys, float* scratch, float* out, bf16* out_half, int out_stride) {
    int i = 0;
    const auto at = [&](auto* p, int stride) {
        return p == nullptr ? p : p + static_cast<ptrdiff_t>(i) * stride;
    };
    for (; i + 4 <= queries; i += 4) {
        attend_rows<4>(at(q, q_stride), q_stride, head_size, scale, keys, scratch, at(out, out_stride),
                       at(out_half, out_stride), out_stride);
    }
    for (; i < queries; ++i) {
        attend_rows<1>(at(q, q_stride), q_stride, head_size, scale, keys, scratch, at(out, out_stride),
                       at(out_half, out_stride), out_stride);
    }
}

// ---------------------------------------------------------------- vocabulary

// x . e in float32, always summed in the same order, so that all paths agree on ties.
inline float score(const float* x, const float* e, int stride) {
    vec total{};
    for (int c = 0; c < stride; c += W) total += load(x + c) * load(e + c);
    return sum(total);
}

// Exact argmax over entries [first, last); `best` and `index` carry over between calls.
inline void rescore(const float* x, const Vocabulary& vocabulary, const float* bias, int first,
                    int last, float& best, int32_t& index) {
    for (int v = first; v < last; ++v) {
        const float s =
            score(x, vocabulary.table + static_cast<ptrdiff_t>(v) * vocabulary.stride, vocabulary.stride) +
            bias[v];
        if (s > best) {
            best = s;
            index = v;
        }
    }
}

constexpr int kGroup = 64;  // entries whose approximate maximum is kept; one rescoring unit

// Scans the group maxima of one row and rescores every group that may hold the exact maximum.
// `slack` bounds the error of an approximate score.
int32_t choose(const float* x, const Vocabulary& vocabulary, const float* bias, const float* maxima,
               int maxima_stride, float slack) {
    const int groups = (vocabulary.size + kGroup - 1) / kGroup;
    float top = maxima[0];
    for (int g = 1; g < groups; ++g) top = std::max(top, maxima[static_cast<ptrdiff_t>(g) * maxima_stride]);
    float best = -std::numeric_limits<float>::infinity();
    int32_t index = 0;
    for (int g = 0; g < groups; ++g) {
        if (maxima[static_cast<ptrdiff_t>(g) * maxima_stride] < top - 2.0f * slack) continue;
        rescore(x, vocabulary, bias, g * kGroup, std::min(vocabulary.size, (g + 1) * kGroup), best,
                index);
    }
    return index;
}

#if defined(__AMX_BF16__)
// Screening in bfloat16: tiles of 16 entries by 16 rows of x, so a group's maximum is a vertical one.

constexpr int kScreenRows = 2 * kTile;

int64_t vocabulary_bytes(int size, int width) {
    return static_cast<int64_t>(round_up(size, kGroup)) * padded(width) * 2;
}

void pack_vocabulary(const Vocabulary& vocabulary, void* packed) {
    bf16* out = static_cast<bf16*>(packed);
    for (int v = 0; v < round_up(vocabulary.size, kGroup); ++v) {
        for (int c = 0; c < vocabulary.stride; ++c) {
            const bool inside = v < vocabulary.size;
            const float value =
                inside ? vocabulary.table[static_cast<ptrdiff_t>(v) * vocabulary.stride + c] : 0.0f;
            out[static_cast<ptrdiff_t>(v) * vocabulary.stride + c] = to_half(value);
        }
    }
}

// Two row tiles of x as bfloat16 pairs, then group maxima [groups][32].
int64_t nearest_scratch(int, const Vocabulary& vocabulary) {
    const int64_t groups = round_up(vocabulary.size, kGroup) / kGroup;
    return static_cast<int64_t>(kScreenRows) * vocabulary.stride / 2 + groups * kScreenRows + 64;
}

void nearest(int rows, const float* x, const Vocabulary& vocabulary, const float* bias, float* scratch,
             int32_t* index) {
    const int inner = vocabulary.stride;
    bf16* pairs = reinterpret_cast<bf16*>(scratch);  // [inner/2][32 rows][2]
    float* maxima = scratch + static_cast<ptrdiff_t>(kScreenRows) * inner / 2;
    const bf16* table = static_cast<const bf16*>(vocabulary.packed);
    const int groups = round_up(vocabulary.size, kGroup) / kGroup;
    alignas(64) float result[2][kTile][kTile];
    for (int r = 0; r < rows; r += kScreenRows) {
        const int count = std::min(kScreenRows, rows - r);
        for (int k = 0; k < inner; ++k) {
            for (int i = 0; i < kScreenRows; ++i) {
                const float value = i < count ? x[static_cast<ptrdiff_t>(r + i) * inner + k] : 0.0f;
                pairs[(static_cast<ptrdiff_t>(k / 2) * kScreenRows + i) * 2 + k % 2] = to_half(value);
            }
        }
        {
            const TileSession session;
            for (int g = 0; g < groups; ++g) {
                vec top0 = splat(-std::numeric_limits<float>::infinity()), top1 = top0;
                for (int t = 0; t < kGroup && g * kGroup + t < vocabulary.size; t += kTile) {
                    const int first = g * kGroup + t;
                    _tile_zero(0);
                    _tile_zero(1);
                    for (int k = 0; k < inner; k += 32) {
                        _tile_loadd(4, table + static_cast<ptrdiff_t>(first) * inner + k, inner * 2);
                        _tile_loadd(6, pairs + static_cast<ptrdiff_t>(k / 2) * kScreenRows * 2,
                                    kScreenRows * 4);
                        _tile_loadd(7, pairs + static_cast<ptrdiff_t>(k / 2) * kScreenRows * 2 + 32,
                                    kScreenRows * 4);
                        _tile_dpbf16ps(0, 4, 6);
                        _tile_dpbf16ps(1, 4, 7);
                    }
                    _tile_stored(0, result[0], 64);
                    _tile_stored(1, result[1], 64);
                    const int entries = std::min(kTile, vocabulary.size - first);
                    for (int e = 0; e < entries; ++e) {
                        const float b = bias[first + e];
                        top0 = maximum(top0, load(result[0][e]) + b);
                        top1 = maximum(top1, load(result[1][e]) + b);
                    }
                }
                store(maxima + static_cast<ptrdiff_t>(g) * kScreenRows, top0);
                store(maxima + static_cast<ptrdiff_t>(g) * kScreenRows + kTile, top1);
            }
        }
        for (int i = 0; i < count; ++i) {
            const float* row = x + static_cast<ptrdiff_t>(r + i) * inner;
            // Two roundings to bfloat16 (2^-9 each) and float32 sums of products.
            const float norm = std::sqrt(score(row, row, inner));
            const float slack = norm * vocabulary.largest_norm * (1.0f / 256.0f + 1e-4f) + 1e-20f;
            index[r + i] = choose(row, vocabulary, bias, maxima + i, kScreenRows, slack);
        }
    }
}

#else
// Screening in float32 with the matmul's register block; its sums differ from score()'s by rounding.

int64_t vocabulary_bytes(int size, int width) {
    return static_cast<int64_t>(round_up(size, kGroup)) * width * 4;
}

void pack_vocabulary(const Vocabulary& vocabulary, void* packed) {
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
}

int64_t nearest_scratch(int rows, const Vocabulary& vocabulary) {
    return static_cast<int64_t>(rows) * (round_up(vocabulary.size, kGroup) / kGroup);
}

template <int ROWS>
void screen_rows(const float* x, const Vocabulary& vocabulary, const float* bias, int group,
                 float* maxima, int groups) {
    vec top[ROWS];
    for (int r = 0; r < ROWS; ++r) top[r] = splat(-std::numeric_limits<float>::infinity());
    for (int v = group * kGroup; v < (group + 1) * kGroup && v < vocabulary.size; v += kPanel) {
        vec low[ROWS], high[ROWS];
        const float* panel = static_cast<const float*>(vocabulary.packed) +
                             static_cast<ptrdiff_t>(v) * vocabulary.width;
        block_product<ROWS>(vocabulary.width, x, vocabulary.stride, panel, low, high);
        alignas(64) float padded_bias[kPanel];
        for (int i = 0; i < kPanel; ++i) {
            padded_bias[i] = v + i < vocabulary.size ? bias[v + i] : -std::numeric_limits<float>::infinity();
        }
        const vec bias0 = load(padded_bias), bias1 = load(padded_bias + W);
        for (int r = 0; r < ROWS; ++r) {
            top[r] = maximum(top[r], maximum(low[r] + bias0, high[r] + bias1));
        }
    }
    for (int r = 0; r < ROWS; ++r) maxima[static_cast<ptrdiff_t>(r) * groups] = largest(top[r]);
}

void nearest(int rows, const float* x, const Vocabulary& vocabulary, const float* bias, float* scratch,
             int32_t* index) {
    const int groups = round_up(vocabulary.size, kGroup) / kGroup;
    for (int g = 0; g < groups; ++g) {
        int r = 0;
        for (; r + kBlock <= rows; r += kBlock) {
            screen_rows<kBlock>(x + static_cast<ptrdiff_t>(r) * vocabulary.stride, vocabulary, bias, g,
                                scratch + static_cast<ptrdiff_t>(r) * groups + g, groups);
        }
        for (; r < rows; ++r) {
            screen_rows<1>(x + static_cast<ptrdiff_t>(r) * vocabulary.stride, vocabulary, bias, g,
                           scratch + static_cast<ptrdiff_t>(r) * groups + g, groups);
        }
    }
    for (int r = 0; r < rows; ++r) {
        const float* row = x + static_cast<ptrdiff_t>(r) * vocabulary.stride;
        const float norm = std::sqrt(score(row, row, vocabulary.stride));
        const float slack = norm * vocabulary.largest_norm * 1e-5f + 1e-20f;
        index[r] = choose(row, vocabulary, bias, scratch + static_cast<ptrdiff_t>(r) * groups, 1, slack);
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
            scores[i] = score(x, vocabulary.table + static_cast<ptrdiff_t>(v + i) * vocabulary.stride,
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
