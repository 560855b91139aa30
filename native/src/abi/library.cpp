// ABI: the library itself, and parts of it for tests and benches (see ardiff.h).
#include <ATen/Context.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/version.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <thread>

#include "abi/checks.h"
#include "ardiff.h"
#include "core/cpu.h"
#include "core/philox.h"
#include "torch/cuda/driver.h"
#include "torch/device_graph.h"
#include "torch/step_graph.h"

using namespace ardiff;

namespace {

// The first line of a text as a JSON string.
std::string quoted(const std::string& text) {
    std::string json = "\"";
    for (const char c : text.substr(0, std::min<size_t>(text.find('\n'), 300))) {
        if (c == '"' || c == '\\') json += '\\';
        json += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return json + '"';
}

std::string describe_step_graphs() {
    const char* const by = portable::device_graphs(c10::DeviceType::CUDA);
    const portable::RecordedSteps steps = portable::recorded_steps();
    return "{\"by\":" + (by == nullptr ? "null" : quoted(by)) +
           ",\"recorded\":" + std::to_string(steps.recorded) +
           ",\"replayed\":" + std::to_string(steps.replayed) +
           ",\"failure\":" + (steps.failure.empty() ? "null" : quoted(steps.failure)) + "}";
}

std::string describe() {
    std::string text = "{\"abi\":" + std::to_string(ARDIFF_ABI_VERSION);
    text += ",\"libtorch\":\"" TORCH_VERSION "\"";
    text += ",\"instruction_set\":\"" + std::string(cpu_kernels().name) + "\"";
    text += ",\"vector_width\":" + std::to_string(cpu_kernels().vector_width);
    text += ",\"threads\":" + std::to_string(std::max(1u, std::thread::hardware_concurrency()));
    text += ",\"step_graphs\":" + describe_step_graphs();
    text += ",\"cuda_devices\":[";
    if (at::globalContext().hasCUDA()) {
        const int count = c10::impl::getDeviceGuardImpl(c10::DeviceType::CUDA)->deviceCount();
        for (int i = 0; i < count; ++i) {
            if (i > 0) text += ",";
            text += cuda::describe_device(i);
        }
    }
    return text + "]}";
}

}  // namespace

int32_t ardiff_abi_version(void) { return ARDIFF_ABI_VERSION; }

int32_t ardiff_describe(char* json, int32_t capacity, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        require(json != nullptr, "Description output is NULL");
        const std::string text = describe();
        check_capacity("Description", text.size(), capacity);
        std::memcpy(json, text.c_str(), text.size() + 1);
    });
}

int32_t ardiff_philox(const uint32_t* counter, const uint32_t* key, uint32_t* output, char* error,
                      int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        require(counter != nullptr && key != nullptr && output != nullptr,
                "A Philox buffer is NULL");
        philox4x32_10(counter, key, output);
    });
}

int32_t ardiff_noise_key(uint64_t seed, const int32_t* ids, int32_t count, uint32_t* key,
                         char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        require(count >= 0, "Number of ids is negative");
        require(ids != nullptr || count == 0, "Ids are NULL");
        require(key != nullptr, "Key output is NULL");
        const NoiseKey made =
            noise_key(seed, std::span<const int32_t>(ids, static_cast<size_t>(count)));
        key[0] = made.low;
        key[1] = made.high;
    });
}

int32_t ardiff_choose_kernels(const char* name, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        require(name != nullptr, "Kernel name is NULL");
        if (!choose_cpu_kernels(name)) {
            throw Error(ARDIFF_UNSUPPORTED,
                        format("This machine cannot run the CPU kernels \"%.32s\"", name));
        }
    });
}

int32_t ardiff_time_matmul(int32_t rows, int32_t columns, int32_t inner, int32_t dtype,
                           int32_t repeats, double* seconds, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        for (const int32_t size : {rows, columns, inner, repeats})
            check_range("Matmul size", size, 1, 1 << 20);
        const ardiff_dtype type = checked_dtype(dtype);
        require(seconds != nullptr, "Seconds output is NULL");
        *seconds = time_cpu_matmul(rows, columns, inner, type, repeats);
    });
}
