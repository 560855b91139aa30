// ABI: the library itself, and parts of it for tests and benches (see ardiff.h).
#include <ATen/Context.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <thread>

#include "ardiff.h"
#include "core/error.h"
#include "core/philox.h"
#include "cpu/generate/weights.h"

#if defined(ARDIFF_CUDA_KERNELS)
#include "torch/cuda/devices.h"
#endif

using namespace ardiff;

namespace {

std::string describe() {
    std::string text = "{\"abi\":" + std::to_string(ARDIFF_ABI_VERSION);
    text += ",\"libtorch\":\"" TORCH_VERSION "\"";
    text += ",\"cuda_kernels\":";
#if defined(ARDIFF_CUDA_KERNELS)
    text += "true";
#else
    text += "false";
#endif
    text += ",\"instruction_set\":\"" + std::string(cpu::kernels().name) + "\"";
    text += ",\"vector_width\":" + std::to_string(cpu::kernels().vector_width);
    text += ",\"threads\":" + std::to_string(std::max(1u, std::thread::hardware_concurrency()));
    text += ",\"cuda_devices\":[";
    if (at::globalContext().hasCUDA()) {
        const int count = c10::impl::getDeviceGuardImpl(c10::DeviceType::CUDA)->deviceCount();
        for (int i = 0; i < count; ++i) {
            if (i > 0) text += ",";
#if defined(ARDIFF_CUDA_KERNELS)
            text += describe_cuda_device(i);
#else
            text += "{\"index\":" + std::to_string(i) + "}";
#endif
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
        if (capacity <= static_cast<int32_t>(text.size())) {
            throw Error(ARDIFF_INVALID_ARGUMENT,
                        format("Description needs %zu bytes, but %d were given", text.size() + 1,
                               capacity));
        }
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
        if (!cpu::choose_kernels(name)) {
            throw Error(ARDIFF_UNSUPPORTED,
                        format("This machine cannot run the CPU kernels \"%.32s\"", name));
        }
    });
}

int32_t ardiff_time_matmul(int32_t rows, int32_t columns, int32_t inner, int32_t dtype,
                           int32_t repeats, double* seconds, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        require(rows > 0 && columns > 0 && inner > 0 && repeats > 0,
                "A matmul size is not positive");
        require(rows <= 1 << 20 && columns <= 1 << 20 && inner <= 1 << 20,
                "A matmul size is over 1048576");
        require(dtype == ARDIFF_DTYPE_F32 || dtype == ARDIFF_DTYPE_BF16,
                "Data type is neither f32 nor bf16");
        require(seconds != nullptr, "Seconds output is NULL");
        const cpu::Kernels& kernels = cpu::kernels();
        const bool half = dtype == ARDIFF_DTYPE_BF16;
        const int64_t a_stride = cpu::padded(inner), c_stride = cpu::padded(columns);
        const AlignedFloats weights = allocate_floats(static_cast<int64_t>(columns) * inner);
        std::fill(weights.get(), weights.get() + static_cast<int64_t>(columns) * inner, 0.5f);
        const cpu::Linear layer(kernels, weights.get(), nullptr, columns, inner, half);
        const AlignedFloats a = allocate_floats((rows + cpu::kSpareRows) * a_stride);
        const AlignedFloats c = allocate_floats((rows + cpu::kSpareRows) * c_stride);
        double best = std::numeric_limits<double>::infinity();
        for (int i = 0; i < repeats; ++i) {
            const auto start = std::chrono::steady_clock::now();
            if (half) {
                kernels.matmul_bf16(rows, reinterpret_cast<const cpu::bf16*>(a.get()),
                                    static_cast<int>(a_stride), layer.packed(),
                                    cpu::Epilogue::store, c.get(), static_cast<int>(c_stride));
            } else {
                kernels.matmul_f32(rows, a.get(), static_cast<int>(a_stride), layer.packed(),
                                   cpu::Epilogue::store, c.get(), static_cast<int>(c_stride));
            }
            const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
            best = std::min(best, spent.count());
        }
        *seconds = best;
    });
}
