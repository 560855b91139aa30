// What a lent GPU is asked first, through the C ABI alone: is CUDA right, against libtorch's
// operators on the CPU, and how fast is it. Needs neither Deno nor a file.
//
//   build/native/device_check cuda|cpu [quick]
//
// With `cpu` the fused CPU kernels stand in for CUDA, to try the program itself. `quick` leaves
// most measurements out. Ends with 1 if a check failed, with 3 if ARDIFF_STEP_GRAPH asked for
// recorded steps and none was.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "ardiff.h"

namespace {

char error[512];

void ok(int32_t status, const char* what) {
    if (status == 0) return;
    std::printf("FAILED %s: status %d, %s\n", what, status, error);
    std::exit(1);
}

uint64_t state = 1;
uint32_t draw() {
    return static_cast<uint32_t>(
        (state = state * 6364136223846793005ull + 1442695040888963407ull) >> 33);
}
float uniform() { return static_cast<float>(draw()) / 1073741824.0f - 1.0f; }

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

struct Size {
    int vocabulary, embedding, hidden, layers, heads, time;
};

ardiff_model* make_model(const Size& s) {
    ardiff_network_config c{};
    c.struct_size = sizeof c, c.vocabulary_size = s.vocabulary, c.embedding_size = s.embedding,
    c.hidden_size = s.hidden;
    c.encoder_layers = c.decoder_layers = s.layers, c.attention_heads = s.heads,
    c.encoder_ffn_size = 4 * s.hidden;
    c.time_channels = s.embedding, c.max_positions = 512, c.time_conditioning = s.time,
    c.input_projection = 1;
    ardiff_model* m;
    ok(ardiff_model_create(&c, &m, error, sizeof error), "model");
    for (int i = 0; i < ardiff_model_tensor_count(m); ++i) {
        char name[256];
        int32_t shape[4], n, count = 1;
        ok(ardiff_model_tensor_info(m, i, name, sizeof name, shape, &n, error, sizeof error),
           "info");
        for (int k = 0; k < n; ++k) count *= shape[k];
        const bool norm =
            (std::strstr(name, "Norm.") != nullptr || std::strstr(name, ".norm") != nullptr) &&
            std::strstr(name, ".weight") != nullptr;
        std::vector<float> w(static_cast<size_t>(count));
        for (float& x : w)
            x = norm ? 1.0f : uniform() / std::sqrt(static_cast<float>(shape[n - 1]));
        ok(ardiff_model_write_tensor(m, i, w.data(), count, error, sizeof error), name);
    }
    return m;
}

struct Step {
    std::vector<float> z, x0;
    double seconds;
};

// `repeats` steps; the state after the first `read`, and the fastest.
Step generate(ardiff_model* m, int rows, int slots, int channels, int repeats, int flags,
              int read = 1) {
    std::vector<int32_t> ids(static_cast<size_t>(rows) * 32),
        nearest(static_cast<size_t>(rows) * slots);
    for (int32_t& id : ids) id = static_cast<int32_t>(draw() % 100);
    std::vector<uint8_t> mask(ids.size(), 1), rest(static_cast<size_t>(slots), 0);
    std::vector<float> t(static_cast<size_t>(slots), 400), scale(t.size(), 1), k(4 * t.size());
    for (size_t i = 0; i < t.size(); ++i)
        k[4 * i] = 0.7f, k[4 * i + 1] = 0.3f, k[4 * i + 2] = 0.1f, k[4 * i + 3] = 0;
    ardiff_generation* g;
    ok(ardiff_generation_create(m, ids.data(), mask.data(), rows, 32, 1, 0, slots, 7, 1, flags, &g,
                                error, sizeof error),
       "generation");
    Step result{std::vector<float>(static_cast<size_t>(rows) * slots * channels), {}, 1e9};
    result.x0 = result.z;
    for (int i = 0; i < repeats; ++i) {
        const double begin = now();
        ok(ardiff_generation_step(g, i, 1, t.data(), scale.data(), k.data(), rest.data(),
                                  i < read ? 0 : ARDIFF_STEP_ROUND, nullptr, nearest.data(),
                                  nullptr, error, sizeof error),
           "step");
        if (i > 1 || repeats == 1) result.seconds = std::min(result.seconds, now() - begin);
        if (i != read - 1) continue;  // unrounded, so that a near tie is no difference
        ok(ardiff_generation_read(g, ARDIFF_STATE_Z, result.z.data(),
                                  static_cast<int64_t>(result.z.size()), error, sizeof error),
           "z");
        ok(ardiff_generation_read(g, ARDIFF_STATE_X0, result.x0.data(),
                                  static_cast<int64_t>(result.x0.size()), error, sizeof error),
           "x0");
    }
    ardiff_generation_free(g);
    return result;
}

struct Trained {
    std::vector<float> gradients;
    float terms[4];
    double seconds;
    int64_t peak;
};

Trained train(ardiff_model* m, int device, int portable, int dtype, int rows, int slots,
              float dropout, int repeats, int vocabulary, bool read) {
    std::vector<float> schedule;
    for (int t = 0; t < 100; ++t) {
        const float share = (t + 1) / 101.0f;
        for (float x : {1000 * share, std::sqrt(1 - share), std::sqrt(share), 1.0f})
            schedule.push_back(x);
    }
    ardiff_trainer_config c{};
    c.struct_size = sizeof c, c.device = device, c.dtype = dtype, c.portable = portable;
    c.diffusion_steps = 100, c.embedding_noise = 0.1f, c.prior_scale = 0.05f;
    ardiff_trainer* t;
    ok(ardiff_trainer_create(m, &c, schedule.data(), &t, error, sizeof error), "trainer");
    std::vector<int32_t> ids(static_cast<size_t>(rows) * 32),
        targets(static_cast<size_t>(rows) * slots), times(targets.size());
    state = 5;
    for (int32_t& id : ids) id = static_cast<int32_t>(draw()) % vocabulary;
    for (int32_t& id : targets) id = static_cast<int32_t>(draw()) % vocabulary;
    for (int32_t& x : times) x = static_cast<int32_t>(draw() % 100);
    std::vector<uint8_t> mask(ids.size(), 1);
    ardiff_training_options o{};
    o.struct_size = sizeof o, o.backward = 1, o.seed_low = 3, o.step = 1,
    o.dropout = o.attention_dropout = dropout, o.squared_error = 1;
    o.normaliser = static_cast<float>(targets.size());
    Trained result{{}, {}, 1e9, 0};
    for (int i = 0; i < repeats; ++i) {
        const double begin = now();
        ok(ardiff_trainer_batch(t, &o, ids.data(), mask.data(), rows, 32, targets.data(), nullptr,
                                nullptr, nullptr, nullptr, times.data(), nullptr, slots, nullptr,
                                nullptr, result.terms, nullptr, error, sizeof error),
           "batch");
        if (i > 0 || repeats == 1) result.seconds = std::min(result.seconds, now() - begin);
        if (i == 0 && read) {
            result.gradients.resize(static_cast<size_t>(ardiff_trainer_size(t)));
            ok(ardiff_trainer_read(t, ARDIFF_TRAINING_GRADIENTS, result.gradients.data(),
                                   ardiff_trainer_size(t), error, sizeof error),
               "gradients");
        }
    }
    ardiff_trainer_usage usage;
    ok(ardiff_trainer_usage_read(t, &usage, error, sizeof error), "usage");
    result.peak = usage.peak_bytes;
    ardiff_trainer_free(t);
    return result;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
    double difference = 0, size = 0;
    for (size_t i = 0; i < a.size(); ++i)
        difference += std::pow(a[i] - b[i], 2), size += std::pow(a[i], 2);
    return std::sqrt(difference / size);
}

int bad = 0;
void judge(const std::string& what, double found, double limit) {
    const bool good = found <= limit;  // false for NaN
    bad += !good;
    std::printf("%-52s %.1e (at most %.0e) %s\n", what.c_str(), found, limit,
                good ? "ok" : "WRONG");
}

std::string describe() {
    char json[8192];
    ok(ardiff_describe(json, sizeof json, error, sizeof error), "describe");
    return json;
}

// What came of ARDIFF_STEP_GRAPH: says it, and is false where steps were to be recorded and none
// was.
bool report_step_graphs() {
    const char* const asked = std::getenv("ARDIFF_STEP_GRAPH");
    const std::string all = describe();
    const std::string said = all.substr(std::min(all.find("\"step_graphs\":"), all.size()));
    const auto field = [&](const char* name) {
        const size_t at = said.find(name);
        return at == std::string::npos ? "" : said.substr(at + std::strlen(name));
    };
    if (asked == nullptr || std::strcmp(asked, "1") != 0) {
        std::printf("step graphs: not asked for\n");
        return true;
    }
    const std::string failure = field("\"failure\":");
    if (failure.rfind("null", 0) != 0) {
        std::printf("step graphs: FAILED, %s\n", failure.substr(0, failure.find('}')).c_str());
        return false;
    }
    if (field("\"by\":").rfind("null", 0) == 0) {
        std::printf("step graphs: this libtorch records none\n");
        return false;
    }
    const long recorded = std::atol(field("\"recorded\":").c_str());
    const long replayed = std::atol(field("\"replayed\":").c_str());
    if (recorded == 0 || replayed == 0) {
        std::printf("step graphs: none was recorded on this device\n");
        return false;
    }
    std::printf("step graphs: recorded (%ld, replayed %ld times)\n", recorded, replayed);
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    const int device =
        argc > 1 && std::strcmp(argv[1], "cuda") == 0 ? ARDIFF_DEVICE_CUDA : ARDIFF_DEVICE_CPU;
    const bool quick = argc > 2;
    const int own =
        device ==
        ARDIFF_DEVICE_CUDA;  // the path to be judged: libtorch's operators, or the fused kernels
    std::printf("%s\n", describe().c_str());
    const char* times[] = {"txl", "rotary", "additive"};
    for (int time = 0; time < 3; ++time) {
        const Size s{211, 24, 48, 2, 4, time};
        ardiff_model* m = make_model(s);
        for (int dtype = 0; dtype < 2; ++dtype) {
            const std::string name = std::string(times[time]) + (dtype == 1 ? " bf16 " : " f32 ");
            const double limit = dtype == 1 ? 2e-2 : 1e-5;
            ok(ardiff_model_prepare(m, ARDIFF_DEVICE_CPU, 0, dtype, 2, error, sizeof error),
               "prepare");
            state = 9;
            const Step want = generate(m, 3, 20, 24, 1, ARDIFF_GENERATION_PORTABLE);
            ok(ardiff_model_prepare(m, device, 0, dtype, 2, error, sizeof error),
               "prepare on the device");
            state = 9;
            const Step have = generate(m, 3, 20, 24, 1, own != 0 ? ARDIFF_GENERATION_PORTABLE : 0);
            ok(ardiff_model_prepare(m, ARDIFF_DEVICE_CPU, 0, dtype, 2, error, sizeof error),
               "prepare");
            state = 9;
            const Step later = generate(m, 3, 20, 24, 3, ARDIFF_GENERATION_PORTABLE, 3);
            ok(ardiff_model_prepare(m, device, 0, dtype, 2, error, sizeof error),
               "prepare on the device");
            state = 9;
            // The third call is replayed where ARDIFF_STEP_GRAPH asks for graphs.
            const Step replayed =
                generate(m, 3, 20, 24, 3, own != 0 ? ARDIFF_GENERATION_PORTABLE : 0, 3);
            judge(name + "prediction of a third step", distance(later.x0, replayed.x0), 3 * limit);
            judge(name + "prediction", distance(want.x0, have.x0), limit);
            judge(name + "latents after noise", distance(want.z, have.z), limit);
            for (float dropout : {0.0f, 0.2f}) {
                const Trained a =
                    train(m, ARDIFF_DEVICE_CPU, 1, dtype, 5, 20, dropout, 1, 211, true);
                const Trained b = train(m, device, own, dtype, 5, 20, dropout, 1, 211, true);
                const Trained again = train(m, device, own, dtype, 5, 20, dropout, 1, 211, true);
                judge(name + "loss, dropout " + (dropout > 0 ? "0.2" : "0"),
                      std::fabs(a.terms[0] - b.terms[0]) / a.terms[0], limit);
                judge(name + "gradients", distance(a.gradients, b.gradients), 5 * limit);
                judge(name + "gradients, twice on the device",
                      distance(b.gradients, again.gradients), 0);
            }
        }
        ardiff_model_free(m);
    }
    std::printf("%d checks failed\n", bad);
    // The paper's CommonGen network, and one wide enough for the tensor cores.
    for (const Size& s : {Size{30522, 64, 128, 6, 8, 0}, Size{16000, 128, 512, 6, 8, 0}}) {
        if (quick && s.hidden > 128) break;
        ardiff_model* m = make_model(s);
        for (int dtype = 0; dtype < 2; ++dtype) {
            ok(ardiff_model_prepare(m, device, 0, dtype, 0, error, sizeof error), "prepare");
            for (int rows : {1, 32, 800}) {
                if (quick && rows > 1) break;
                std::printf("d %d, %s, generation, %d x 54: %.3f ms a step\n", s.hidden,
                            dtype == 1 ? "bf16" : "f32", rows,
                            1e3 * generate(m, rows, 54, s.embedding, quick ? 3 : 12,
                                           own != 0 ? ARDIFF_GENERATION_PORTABLE : 0)
                                      .seconds);
                std::fflush(stdout);
            }
        }
        for (int rows : {64, 256, 800}) {
            if (quick && rows > 64) break;
            const Trained t = train(m, device, own, ARDIFF_DTYPE_BF16, quick ? 2 : rows, 54, 0.1f,
                                    quick ? 1 : 6, s.vocabulary, false);
            std::printf("d %d, bf16, training, %d x 54: %.1f ms a micro-batch, peak %.1f GiB\n",
                        s.hidden, rows, 1e3 * t.seconds, static_cast<double>(t.peak) / (1 << 30));
            std::fflush(stdout);
        }
        ardiff_model_free(m);
    }
    const bool recorded = report_step_graphs();
    return bad != 0 ? 1 : recorded ? 0 : 3;
}
