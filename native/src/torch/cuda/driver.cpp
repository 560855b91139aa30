#include "torch/cuda/driver.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <map>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "torch/cuda/kernels_ptx.h"

namespace ardiff::cuda {
namespace {

constexpr unsigned kThreads = 256;  // of a block

// The driver's functions, null where there is no driver. Results: 0 is success.
struct Driver {
    int (*init)(unsigned flags);
    int (*present_context)(void** context);
    int (*use_context)(void* context);
    int (*device_context)(void** context, int device);
    int (*load_module)(void** module, const void* image);
    int (*get_function)(void** function, void* module, const char* name);
    int (*launch)(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                  unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                  void* stream, void** parameters, void** extra);
    int (*error_name)(int result, const char** name);
    int (*get_device)(int* device, int index);
    int (*device_name)(char* name, int capacity, int device);
    int (*device_memory)(size_t* bytes, int device);
    bool complete;
};

const Driver& driver() {
    static const Driver loaded = [] {
        Driver d{};
        void* const library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) return d;
        d.complete = true;
        const auto find = [&](auto& function, const char* name) {
            function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
            d.complete = d.complete && function != nullptr;
        };
        find(d.init, "cuInit");
        find(d.present_context, "cuCtxGetCurrent");
        find(d.use_context, "cuCtxSetCurrent");
        find(d.device_context, "cuDevicePrimaryCtxRetain");
        find(d.load_module, "cuModuleLoadData");
        find(d.get_function, "cuModuleGetFunction");
        find(d.launch, "cuLaunchKernel");
        find(d.error_name, "cuGetErrorName");
        find(d.get_device, "cuDeviceGet");
        find(d.device_name, "cuDeviceGetName");
        find(d.device_memory, "cuDeviceTotalMem_v2");
        return d;
    }();
    return loaded;
}

// Makes libtorch's context of a device that of this thread, unless it is. libtorch does so with its
// first call on a thread, and ours may come before.
bool enter_context(const at::Device& device) {
    void* context = nullptr;
    int number = 0;
    const Driver& d = driver();
    if (!d.complete || d.present_context(&context) != 0) return false;
    return context != nullptr ||
           (d.get_device(&number, device.index()) == 0 && d.device_context(&context, number) == 0 &&
            d.use_context(context) == 0);
}

// The module of a device, null where the driver refused it.
void* module_of(const at::Device& device) {
    static std::mutex mutex;
    static std::map<int, void*> modules;
    const std::lock_guard lock(mutex);
    const auto [entry, first] = modules.try_emplace(device.index(), nullptr);
    if (first && enter_context(device) && driver().load_module(&entry->second, kKernelsPtx) != 0)
        entry->second = nullptr;
    return entry->second;
}

void* function_of(const at::Device& device, const char* name) {
    static std::mutex mutex;
    static std::map<std::pair<int, std::string>, void*> functions;
    const std::lock_guard lock(mutex);
    void*& function = functions[{device.index(), name}];
    if (function == nullptr && driver().get_function(&function, module_of(device), name) != 0)
        throw Error(ARDIFF_INTERNAL, format("The CUDA kernels lack \"%s\"", name));
    return function;
}

void* present_stream(const at::Device& device) {
    const c10::Stream stream = c10::impl::VirtualGuardImpl(at::kCUDA).getStream(device);
    return stream.id() == 0 ? nullptr : stream.native_handle();  // 0: the default stream
}

}  // namespace

bool has_kernels(const at::Device& device) {
    return device.is_cuda() && module_of(device) != nullptr;
}

void launch(const at::Device& device, const char* kernel, int64_t threads, void** parameters) {
    if (threads == 0) return;
    enter_context(device);
    const int64_t blocks = (threads + kThreads - 1) / kThreads;
    const int result =
        driver().launch(function_of(device, kernel), static_cast<unsigned>(blocks), 1, 1, kThreads,
                        1, 1, 0, present_stream(device), parameters, nullptr);
    if (result == 0) return;
    const char* name = nullptr;
    driver().error_name(result, &name);
    throw Error(ARDIFF_INTERNAL, format("Cannot launch the CUDA kernel \"%s\": %s", kernel,
                                        name == nullptr ? "unknown error" : name));
}

std::string describe_device(int index) {
    int device = 0;
    char raw[256] = "";
    size_t memory = 0;
    const Driver& d = driver();
    const bool known = d.complete && d.init(0) == 0 && d.get_device(&device, index) == 0 &&
                       d.device_name(raw, sizeof raw, device) == 0 &&
                       d.device_memory(&memory, device) == 0;
    std::string text = "{\"index\":" + std::to_string(index);
    if (known) {
        text += ",\"name\":\"";
        for (const char* c = raw; *c != '\0'; ++c) {
            if (*c == '"' || *c == '\\') text += '\\';
            text += *c;
        }
        text += "\",\"memory\":" + std::to_string(memory);
    }
    return text + "}";
}

}  // namespace ardiff::cuda
