// The kernels of one instruction set against plain loops in double precision, without libtorch:
// for machines that are only emulated here (scripts/check_arm.sh). The last line is
// "N passed, M failed".
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string_view>
#include <vector>

#include "core/philox.h"
#include "cpu/kernels/kernels.h"

#define JOIN_OF(a, b) a##b
#define JOIN(a, b) JOIN_OF(a, b)

namespace ardiff::cpu {
extern const Kernels JOIN(kernels_, ARDIFF_ISA);
}

using namespace ardiff::cpu;

namespace {

const Kernels& table = JOIN(kernels_, ARDIFF_ISA);
int passed = 0, failed = 0;

void expect(bool holds, const char* what, double error) {
    ++(holds ? passed : failed);
    std::printf("%s %-40s %.2g\n", holds ? "ok  " : "FAIL", what, error);
}

// Uniform values from -1 to 1, the same in every run.
float value() {
    static uint64_t state = 88172645463325252ull;
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return static_cast<float>(static_cast<int64_t>(state >> 40) - (1 << 23)) / (1 << 23);
}

// Cache lines of floats, as kernels want them.
class Floats {
  public:
    explicit Floats(int64_t count) : memory_(static_cast<size_t>(count) + 16) {
        const auto place = reinterpret_cast<uintptr_t>(memory_.data());
        first_ = memory_.data() + (64 - place % 64) % 64 / sizeof(float);
    }
    float* data() { return first_; }
    float& operator[](int64_t i) { return first_[i]; }

  private:
    std::vector<float> memory_;
    float* first_;
};

double gelu(double x) { return 0.5 * x * (1 + std::erf(x * std::sqrt(0.5))); }

// A linear layer with GELU, its gradients of input and weights.
void check_products(int rows, int out, int in) {
    const OperandKernels<float>& k = table.of_float;
    std::vector<float> w(static_cast<size_t>(out * in));
    for (float& x : w) x = value();
    Floats forward(Matrix<float>::packed_values(out, in));
    Floats backward(Matrix<float>::packed_values(out, in));
    Floats bias(padded(out));
    for (int o = 0; o < out; ++o) bias[o] = value();
    k.pack(w.data(), out, in, forward.data(), backward.data());
    const Matrix<float> matrix{forward.data(), backward.data(), bias.data(), out, in};
    const int xs = row_stride<float>(in), ys = row_stride<float>(out);
    Floats x((rows + kSpareRows) * xs), y((rows + kSpareRows) * ys), dx((rows + kSpareRows) * xs);
    Floats dw((out + kSpareRows) * xs), scratch((rows + kSpareRows) * xs);
    for (int r = 0; r < rows; ++r)
        for (int i = 0; i < in; ++i) x[r * xs + i] = value();
    double worst = 0;
    k.forward(rows, x.data(), xs, matrix, 0, out, Epilogue::gelu, y.data(), ys);
    for (int r = 0; r < rows; ++r) {
        for (int o = 0; o < out; ++o) {
            double sum = bias[o];
            for (int i = 0; i < in; ++i) sum += static_cast<double>(x[r * xs + i]) * w[o * in + i];
            worst = std::fmax(worst, std::fabs(gelu(sum) - y[r * ys + o]));
        }
    }
    char name[64];
    std::snprintf(name, sizeof name, "forward %d x %d x %d", rows, out, in);
    expect(worst < 1e-4, name, worst);

    for (int r = 0; r < rows + kSpareRows; ++r)
        for (int o = 0; o < ys; ++o) y[r * ys + o] = r < rows && o < out ? value() : 0.0f;
    k.backward(rows, y.data(), ys, matrix, 0, out, Onto::zero, dx.data(), xs);
    worst = 0;
    for (int r = 0; r < rows; ++r) {
        for (int i = 0; i < in; ++i) {
            double sum = 0;
            for (int o = 0; o < out; ++o) sum += static_cast<double>(y[r * ys + o]) * w[o * in + i];
            worst = std::fmax(worst, std::fabs(sum - dx[r * xs + i]));
        }
    }
    std::snprintf(name, sizeof name, "backward %d x %d x %d", rows, out, in);
    expect(worst < 1e-4, name, worst);

    k.outer(rows, out, in, y.data(), ys, nullptr, x.data(), xs, scratch.data(), dw.data(), xs);
    worst = 0;
    for (int o = 0; o < out; ++o) {
        for (int i = 0; i < in; ++i) {
            double sum = 0;
            for (int r = 0; r < rows; ++r)
                sum += static_cast<double>(y[r * ys + o]) * x[r * xs + i];
            worst = std::fmax(worst, std::fabs(sum - dw[o * xs + i]));
        }
    }
    std::snprintf(name, sizeof name, "outer %d x %d x %d", rows, out, in);
    expect(worst < 1e-4, name, worst);
}

// A row's result has the same bits whatever rows are beside it.
void check_batch_invariance() {
    const OperandKernels<float>& k = table.of_float;
    constexpr int most = 29, out = 40, in = 57;
    std::vector<float> w(out * in);
    for (float& x : w) x = value();
    Floats forward(Matrix<float>::packed_values(out, in)), bias(padded(out));
    k.pack(w.data(), out, in, forward.data(), nullptr);
    const Matrix<float> matrix{forward.data(), nullptr, bias.data(), out, in};
    const int xs = row_stride<float>(in), ys = row_stride<float>(out);
    Floats x((most + kSpareRows) * xs), all((most + kSpareRows) * ys),
        some((most + kSpareRows) * ys);
    for (int r = 0; r < most; ++r)
        for (int i = 0; i < in; ++i) x[r * xs + i] = value();
    k.forward(most, x.data(), xs, matrix, 0, out, Epilogue::store, all.data(), ys);
    int differing = 0;
    for (int rows = 1; rows < most; ++rows) {
        k.forward(rows, x.data(), xs, matrix, 0, out, Epilogue::store, some.data(), ys);
        for (int r = 0; r < rows; ++r)
            for (int o = 0; o < out; ++o) differing += some[r * ys + o] != all[r * ys + o];
    }
    expect(differing == 0, "rows do not depend on their number", differing);
}

void check_normal() {
    constexpr int count = 37;
    const Stream stream{{1, 2}, 3, 4, 5};
    float noise[count + 32];
    table.normal(stream, 0, count, noise);
    double mean = 0, square = 0;
    for (int i = 0; i < count; ++i) mean += noise[i] / count;
    for (int i = 0; i < count; ++i) square += noise[i] * noise[i] / count;
    expect(std::fabs(mean) < 0.7 && square > 0.3 && square < 2.5, "normal", mean);
    // Wherever one begins, the values are those of the stream.
    int differing = 0;
    for (int first = 0; first < count; ++first) {
        float part[count + 32];
        table.normal(stream, first, count - first, part);
        for (int i = first; i < count; ++i) differing += part[i - first] != noise[i];
    }
    expect(differing == 0, "normal from any place", differing);
}

void check_nearest() {
    constexpr int size = 1000, width = 48, rows = 9;
    Vocabulary vocabulary;
    vocabulary.size = size;
    vocabulary.width = width;
    vocabulary.stride = padded(width);
    Floats embeddings(static_cast<int64_t>(size) * vocabulary.stride);
    Floats bias(padded(size)), x((rows + kSpareRows) * vocabulary.stride);
    for (int v = 0; v < padded(size); ++v) bias[v] = -std::numeric_limits<float>::infinity();
    for (int v = 0; v < size; ++v) {
        double square = 0;
        for (int c = 0; c < width; ++c) {
            const float e = embeddings[v * vocabulary.stride + c] = value();
            square += static_cast<double>(e) * e;
        }
        bias[v] = static_cast<float>(-square / 2);
        vocabulary.largest_norm =
            std::fmax(vocabulary.largest_norm, static_cast<float>(std::sqrt(square)));
    }
    vocabulary.table = embeddings.data();
    for (int r = 0; r < rows; ++r)
        for (int c = 0; c < width; ++c) x[r * vocabulary.stride + c] = value();
    Floats packed(table.vocabulary_bytes(size, width) / 4 + 16);
    table.pack_vocabulary(vocabulary, packed.data());
    Floats scratch(table.nearest_scratch(rows, vocabulary) + 16);
    int32_t index[rows + kSpareRows];
    table.nearest(rows, x.data(), vocabulary, bias.data(), scratch.data(), index);
    int wrong = 0;
    for (int r = 0; r < rows; ++r) {
        double best = -1e30, chosen = 0;
        for (int v = 0; v < size; ++v) {
            double score = bias[v];
            for (int c = 0; c < width; ++c)
                score += static_cast<double>(x[r * vocabulary.stride + c]) *
                         embeddings[v * vocabulary.stride + c];
            best = std::fmax(best, score);
            if (v == index[r]) chosen = score;
        }
        wrong += best - chosen > 1e-5;
    }
    expect(wrong == 0, "nearest", wrong);
}

// Denormals count as zeros while work is under way, and not after it.
void check_denormals() {
    volatile float tiny = 1e-30f;
    float within;
    {
        const Work work(table);
        within = tiny * 1e-10f;
    }
    const float after = tiny * 1e-10f;
    const bool flushes = table.vector_width > 4 || std::string_view(table.name) == "neon";
    expect(flushes ? within == 0 : true, "denormals are flushed", within);
    expect(after != 0, "denormals are there again", after);
}

}  // namespace

int main() {
    std::printf("%s, vectors of %d floats\n", table.name, table.vector_width);
    for (const auto& [rows, out, in] :
         {std::array{1, 5, 3}, {7, 64, 33}, {12, 32, 64}, {13, 97, 128}, {29, 40, 200}})
        check_products(rows, out, in);
    check_batch_invariance();
    check_normal();
    check_nearest();
    check_denormals();
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
