// Products: register blocks of rows by two vectors of columns, over operands with strides. Sums run
// over k in order, without splitting.
//
// A panel is as wide as a block: with panels of 32 columns, of which an AVX2 block takes half, the
// products of linear layers reach 69 to 87 Gflop/s on an AMD EPYC (Zen 3), with these 94 to 99.
#pragma once

#include <vector>

#include "cpu/kernels/transpose.h"

namespace ardiff::cpu {
namespace {

constexpr int kPanel = 2 * W;  // columns
// Rows of a register block. AVX-512 and NEON have 32 vector registers, AVX2 has 16.
#if defined(__AVX512F__) || defined(ARDIFF_NEON)
constexpr int kBlockRows = 12;
#else
constexpr int kBlockRows = 6;
#endif
constexpr int kNearValues = 6144;  // of a left operand: half of the nearest cache
constexpr int kAhead = 16;         // how many k before its use a row is fetched
constexpr int kNarrowRows =
    kBlockRows / 3;  // at most, that widen panels faster than they read them
static_assert(kPad % kPanel == 0);

// Panels that a block of so many rows takes at once: a multiply-add takes four cycles and two can
// start in each, so that fewer than eight sums under way would leave the multipliers idle.
constexpr int panels_at_once(int rows) { return rows == 1 ? 4 : rows < 4 ? 2 : 1; }

// Calls work(count, first) for blocks of at most kBlockRows rows of nearly equal size; count is a
// compile-time number.
template <class F>
inline void for_row_blocks(int rows, const F& work) {
    const int blocks = (rows + kBlockRows - 1) / kBlockRows;
    const auto dispatch = [&](auto self, auto count, int wanted, int first) -> void {
        if (wanted == count()) return work(count, first);
        if constexpr (count() > 1) {
            self(self, std::integral_constant<int, count() - 1>{}, wanted, first);
        }
    };
    int first = 0;
    for (int b = 0; b < blocks; ++b) {
        const int count = (rows - first) / (blocks - b);
        dispatch(dispatch, std::integral_constant<int, kBlockRows>{}, count, first);
        first += count;
    }
}

// Where a(r,k) of a left operand lies: a[r * row + k * step]; steps that are compile-time constants
// save registers in the innermost loop. `far`: the product is too large for the nearest cache, so
// operands are fetched before their use.
struct ByRows {  // k runs along memory
    ptrdiff_t row;
    static constexpr ptrdiff_t step = 1;
    static constexpr bool far = false;
};
struct ByColumns {  // rows run along memory
    ptrdiff_t step;
    static constexpr ptrdiff_t row = 1;
    static constexpr bool far = false;
};
struct FarRows : ByRows {
    static constexpr bool far = true;
};
struct FarColumns : ByColumns {
    static constexpr bool far = true;
};

// Columns of a panel in an element of it.
template <class B>
constexpr int columns_in = std::is_same_v<B, uint32_t> ? 2 : 1;

// The vectors of a panel's row.
template <int VECTORS, class B>
inline void load_row(const B* row, vec (&right)[VECTORS]) {
    if constexpr (std::is_same_v<B, uint32_t>) {  // of bfloat16, as Matrix::narrow holds them
        static_assert(VECTORS == 2);
        uvec both;
        std::memcpy(&both, row, sizeof both);
        right[0] = (vec)(both << 16);
        right[1] = (vec)(both & 0xffff0000u);
    } else {
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; ++v) right[v] = load(row + v * W);
    }
}

// sums[p][r][..] = sum over k of a(r,k) * b[p][k][0 .. VECTORS*W), b[p] lying `b_size` behind the
// one before.
template <int PANELS, int ROWS, int VECTORS, class Left, class B>
inline void multiply(int inner, const float* a, Left left, const B* b, ptrdiff_t b_stride,
                     ptrdiff_t b_size, vec (&sums)[PANELS][ROWS][VECTORS]) {
#pragma GCC unroll 4
    for (int p = 0; p < PANELS; ++p) {
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
#pragma GCC unroll 2
            for (int v = 0; v < VECTORS; ++v) sums[p][r][v] = vec{};
        }
    }
    for (int k = 0; k < inner; ++k) {
        vec right[PANELS][VECTORS];
#pragma GCC unroll 4
        for (int p = 0; p < PANELS; ++p) {
            const B* row = b + p * b_size + k * b_stride;
            if constexpr (Left::far) {
                // Processors foresee neither steps beyond 2 KiB, as between long rows, nor the next
                // panel.
                if constexpr (std::is_same_v<Left, FarColumns>)
                    __builtin_prefetch(a + (k + kAhead) * left.step);
                __builtin_prefetch(row + kAhead * b_stride);
                if constexpr (VECTORS * W > 16)
                    __builtin_prefetch(row + kAhead * b_stride + VECTORS * W - 1);
            }
            load_row<VECTORS>(row, right[p]);
        }
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            const float x = a[r * left.row + k * left.step];
#pragma GCC unroll 4
            for (int p = 0; p < PANELS; ++p) {
#pragma GCC unroll 2
                for (int v = 0; v < VECTORS; ++v) sums[p][r][v] += x * right[p][v];
            }
        }
    }
}

// ---- what happens to the sums of a block. `bias` belongs to the block's columns and may be null.

// Stored, or added to what is there. That comes last, so that nothing but zeros waits for memory
// before the first product.
struct Plain {
    const float* bias;
    bool add;

    static constexpr int columns(int j) { return j; }
    Plain from(int j) const { return {bias == nullptr ? nullptr : bias + j, add}; }

    template <int ROWS, int VECTORS>
    void prefetch(const float* c, ptrdiff_t c_stride) const {
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            __builtin_prefetch(c + r * c_stride, 1);
            if constexpr (VECTORS * W > 16)
                __builtin_prefetch(c + r * c_stride + VECTORS * W - 1, 1);
        }
    }

    template <int ROWS, int VECTORS>
    void finish(vec (&sums)[ROWS][VECTORS], float* c, ptrdiff_t c_stride) const {
        if (bias != nullptr) {
#pragma GCC unroll 2
            for (int v = 0; v < VECTORS; ++v) {
                const vec start = load(bias + v * W);
#pragma GCC unroll 16
                for (int r = 0; r < ROWS; ++r) sums[r][v] += start;
            }
        }
        if (add) {
#pragma GCC unroll 16
            for (int r = 0; r < ROWS; ++r) {
#pragma GCC unroll 2
                for (int v = 0; v < VECTORS; ++v) sums[r][v] += load(c + r * c_stride + v * W);
            }
        }
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
#pragma GCC unroll 2
            for (int v = 0; v < VECTORS; ++v) store_operand(c + r * c_stride + v * W, sums[r][v]);
        }
    }
};

// Of one row of a panel, bias included.
template <class Out>
inline void store_activated(Epilogue epilogue, vec y0, vec y1, Out* c) {
    switch (epilogue) {
        case Epilogue::store: break;
        case Epilogue::accumulate:
            y0 += load(c);
            y1 += load(c + W);
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
        case Epilogue::geglu: store_operand(c, y0 * gelu(y1)); return;
    }
    store_operand(c, y0);
    store_operand(c + W, y1);
}

// Any epilogue. Code of its own: its size would cost the other its registers.
struct Activated {
    Epilogue epilogue;
    const float* bias;

    int columns(int j) const { return epilogue == Epilogue::geglu ? j / 2 : j; }
    Activated from(int j) const { return {epilogue, bias + j}; }

    template <int ROWS, int VECTORS, class Out>
    void prefetch(const Out*, ptrdiff_t) const {}

    template <int ROWS, class Out>
    void finish(vec (&sums)[ROWS][2], Out* c, ptrdiff_t c_stride) const {
        const vec bias0 = load(bias), bias1 = load(bias + W);
        for (int r = 0; r < ROWS; ++r) {
            store_activated(epilogue, sums[r][0] + bias0, sums[r][1] + bias1, c + r * c_stride);
        }
    }
};

// c [rows][VECTORS*W] = end(a * b).
template <int VECTORS, class Left, class B, class End, class Out>
inline void column_of_blocks(int rows, int inner, const float* a, Left left, const B* b,
                             ptrdiff_t b_stride, const End& end, Out* c, ptrdiff_t c_stride) {
    for_row_blocks(rows, [&](auto count, int r) {
        constexpr int ROWS = count();
        Out* to = c + r * c_stride;
        // The result is fetched while the sums are made: it is often far away.
        if constexpr (Left::far) end.template prefetch<ROWS, VECTORS>(to, c_stride);
        vec sums[1][ROWS][VECTORS];
        multiply<1, ROWS, VECTORS>(inner, a + r * left.row, left, b, b_stride, 0, sums);
        end.finish(sums[0], to, c_stride);
    });
}

// C [rows][columns] = A * B for row-major B, columns rounded up to whole vectors.
template <class Left>
inline void product(int rows, int columns, int inner, const float* a, Left left, const float* b,
                    ptrdiff_t b_stride, float* c, ptrdiff_t c_stride) {
    const Plain end{nullptr, false};
    int j = 0;
    for (; j + W < columns; j += 2 * W)
        column_of_blocks<2>(rows, inner, a, left, b + j, b_stride, end, c + j, c_stride);
    if (j < columns)
        column_of_blocks<1>(rows, inner, a, left, b + j, b_stride, end, c + j, c_stride);
}

// ---- linear layers. Panels hold kPanel columns of B for all k, one k after the other.

#if defined(__AVX512F__)
inline void pack(const float* weights, int out, int in, float* forward, float* backward) {
    const int outs = padded(out), ins = padded(in);
    for (int o = 0; o < outs; o += 16) {
        for (int i = 0; i < ins; i += 16) {
            __m512i block[16];
            load_block(out - o, std::max(0, in - i), weights + static_cast<ptrdiff_t>(o) * in + i,
                       in, block);
            if (backward != nullptr) {
                float* to = backward + (static_cast<ptrdiff_t>(i / kPanel) * outs + o) * kPanel +
                            i % kPanel;
                for (int k = 0; k < 16; ++k) _mm512_storeu_si512(to + k * kPanel, block[k]);
            }
            transpose_words(block);
            float* to =
                forward + (static_cast<ptrdiff_t>(o / kPanel) * ins + i) * kPanel + o % kPanel;
            for (int k = 0; k < 16; ++k) _mm512_storeu_si512(to + k * kPanel, block[k]);
        }
    }
}
#endif

#if !defined(__AMX_BF16__)
template <class A>
inline void pack(const float* weights, int out, int in, A* forward, A* backward) {
    const int outs = padded(out), ins = padded(in);
    const auto place = [](int column, int rows, int row) {
        return (static_cast<ptrdiff_t>(column / kPanel) * rows + row) * kPanel + column % kPanel;
    };
    for (int o = 0; o < outs; ++o) {
        for (int i = 0; i < ins; ++i) {
            const float value =
                o < out && i < in ? weights[static_cast<ptrdiff_t>(o) * in + i] : 0.0f;
            store_operand(forward + place(o, ins, i), value);
            if (backward != nullptr) store_operand(backward + place(i, outs, o), value);
        }
    }
}
#endif

// Calls visit(row, panel, sums) with the sums [panels][rows][2] of every block, after fetch(rows,
// row, panel); for each row panels come from the first to the last. A panel begins `panel_size`
// values after the one before. As many rows as stay in the nearest cache beside a panel go along
// the panels together: a result, written nearly in order, streams to the outer caches, and few rows
// wait for a panel from the second.
template <class B, class Fetch, class Visit>
inline void for_panel_blocks(int rows, int panels, int inner, const float* x, ptrdiff_t x_stride,
                             const B* data, ptrdiff_t panel_size, const Fetch& fetch,
                             const Visit& visit) {
    constexpr ptrdiff_t kRow = kPanel / columns_in<B>;
    const int group = std::max(1, kNearValues / (inner * kBlockRows)) * kBlockRows;
    for (int first = 0; first < rows; first += group) {
        const int some = std::min(group, rows - first);
        // As many panels at once as the smallest block asks for: the others then find them in the
        // cache.
        const int step = panels_at_once(some / ((some + kBlockRows - 1) / kBlockRows));
        for (int p = 0; p < panels; p += step) {
            const int last = std::min(panels, p + step);
            for_row_blocks(some, [&](auto count, int r) {
                constexpr int ROWS = count(), most = panels_at_once(ROWS);
                const int row = first + r;
                const auto block = [&](auto taken, int panel) {
                    constexpr int PANELS = taken();
                    for (int i = 0; i < PANELS; ++i) fetch(count, row, panel + i);
                    vec sums[PANELS][ROWS][2];
                    // Few rows read panels faster than fetches could be told ahead of them.
                    using Left = std::conditional_t<(ROWS < 4), ByRows, FarRows>;
                    multiply<PANELS, ROWS, 2>(inner, x + row * x_stride, Left{x_stride},
                                              data + panel * panel_size, kRow, panel_size, sums);
                    visit(row, panel, sums);
                };
                int panel = p;
                for (; panel + most <= last; panel += most)
                    block(std::integral_constant<int, most>{}, panel);
                for (; panel < last; ++panel) block(std::integral_constant<int, 1>{}, panel);
            });
        }
    }
}

// Y [rows][columns] = end(X * panels).
template <class B, class End, class Out>
inline void panel_product(int rows, int columns, int inner, const float* x, ptrdiff_t x_stride,
                          const B* panels, ptrdiff_t panel_size, const End& end, Out* y,
                          ptrdiff_t y_stride) {
    const auto place = [&](int row, int panel) {
        return y + row * y_stride + end.columns(panel * kPanel);
    };
    for_panel_blocks(
        rows, columns / kPanel, inner, x, x_stride, panels, panel_size,
        [&](auto count, int row, int panel) {
            end.template prefetch<count(), 2>(place(row, panel), y_stride);
        },
        [&](int row, int panel, auto& sums) {
            for (auto& of_panel : sums) {
                end.from(panel * kPanel).finish(of_panel, place(row, panel), y_stride);
                ++panel;
            }
        });
}

template <class B, class M, class Out>
inline void panels_forward(int rows, const float* x, int x_stride, const Matrix<M>& m,
                           const B* data, int first, int count, Epilogue epilogue, Out* y,
                           int y_stride) {
    const ptrdiff_t panel_size = static_cast<ptrdiff_t>(padded(m.in)) * kPanel / columns_in<B>;
    const B* panels = data + first / kPanel * panel_size;
    const float* bias = m.bias + first;
    if constexpr (std::is_same_v<Out, float>) {
        if (epilogue == Epilogue::store || epilogue == Epilogue::accumulate) {
            panel_product(rows, padded(count), m.in, x, x_stride, panels, panel_size,
                          Plain{bias, epilogue == Epilogue::accumulate}, y, y_stride);
            return;
        }
    }
    panel_product(rows, padded(count), m.in, x, x_stride, panels, panel_size,
                  Activated{epilogue, bias}, y, y_stride);
}

template <class Out>
inline void forward(int rows, const float* x, int x_stride, const Matrix<float>& m, int first,
                    int count, Epilogue epilogue, Out* y, int y_stride) {
    if (m.narrow != nullptr && rows <= kNarrowRows) {
        panels_forward(rows, x, x_stride, m, m.narrow, first, count, epilogue, y, y_stride);
    } else {
        panels_forward(rows, x, x_stride, m, m.forward, first, count, epilogue, y, y_stride);
    }
}

#if !defined(__AMX_BF16__)
// Without instructions for it bfloat16 is a storage format: blocks of rows are widened.
template <class Out>
inline void forward(int rows, const bf16* x, int x_stride, const Matrix<bf16>& m, int first,
                    int count, Epilogue epilogue, Out* y, int y_stride) {
    constexpr int kRows = 4 * kBlockRows;
    const int stride = padded(m.in);
    std::vector<float> wide(static_cast<size_t>(kRows) * static_cast<size_t>(stride));
    for (int r = 0; r < rows; r += kRows) {
        const int block = std::min(kRows, rows - r);
        for (int i = 0; i < block; ++i) {
            const bf16* from = x + static_cast<ptrdiff_t>(r + i) * x_stride;
            float* to = wide.data() + static_cast<ptrdiff_t>(i) * stride;
            for (int k = 0; k < m.in; k += W) store_operand(to + k, load(from + k));
        }
        panels_forward(block, wide.data(), stride, m, m.forward, first, count, epilogue,
                       y + static_cast<ptrdiff_t>(r) * y_stride, y_stride);
    }
}

#endif

inline void backward(int rows, const float* dy, int dy_stride, const Matrix<float>& m, int first,
                     int count, Onto onto, float* dx, int dx_stride) {
    panel_product(rows, padded(m.in), std::min(count, m.out - first), dy, dy_stride,
                  m.backward + static_cast<ptrdiff_t>(first) * kPanel,
                  static_cast<ptrdiff_t>(padded(m.out)) * kPanel,
                  Plain{nullptr, onto == Onto::result}, dx, dx_stride);
}

inline void column_sums(int rows, int width, const float* x, int stride, float* sums) {
    for (int c = 0; c < width; c += W) {
        const int lanes = std::min(W, width - c);
        vec total = load_part(sums + c, lanes);
        for (int r = 0; r < rows; ++r) total += load(x + static_cast<ptrdiff_t>(r) * stride + c);
        store_part(sums + c, total, lanes);
    }
}

inline void to_operands(int rows, int width, const float* dy, int dy_stride, float*, float*,
                        float* sums) {
    if (sums != nullptr) column_sums(rows, width, dy, dy_stride, sums);
}

inline void outer(int rows, int out, int in, const float* dy, int dy_stride, const float*,
                  const float* x, int x_stride, float*, float* dw, int dw_stride) {
    for (int i = 0; i < in; i += kPanel) {
        column_of_blocks<2>(out, rows, dy, FarColumns{{dy_stride}}, x + i, x_stride,
                            Plain{nullptr, true}, dw + i, dw_stride);
    }
}

}  // namespace
}  // namespace ardiff::cpu
