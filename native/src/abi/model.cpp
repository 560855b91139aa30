// ABI: models (see ardiff.h).
#include <cstring>
#include <memory>

#include "abi/checks.h"
#include "ardiff.h"
#include "core/cpu.h"
#include "core/handles.h"

using namespace ardiff;

namespace {

const ParameterInfo& entry(const ardiff_model* model, int32_t index) {
    require(model != nullptr, "Model is NULL");
    const auto& entries = model->parameters.layout.entries();
    if (index < 0 || index >= static_cast<int32_t>(entries.size())) {
        throw Error(ARDIFF_INVALID_ARGUMENT,
                    format("Tensor index %d is out of range: there are %zu tensors", index,
                           entries.size()));
    }
    return entries[static_cast<size_t>(index)];
}

}  // namespace

std::shared_ptr<const Backend> ardiff_model::chosen_backend(bool wants_portable) {
    if (!backend) throw Error(ARDIFF_INVALID_STATE, "Model is not prepared for a device yet");
    if (!wants_portable) return backend;
    if (!portable)
        portable = make_portable_backend(parameters, device, device_index, dtype, threads);
    return portable;
}

int32_t ardiff_model_create(const ardiff_network_config* config, ardiff_model** model, char* error,
                            int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        require(config != nullptr, "Network config is NULL");
        require(model != nullptr, "Model output is NULL");
        *model = new ardiff_model(NetworkConfig::from(*config));
    });
}

void ardiff_model_free(ardiff_model* model) { delete model; }

int32_t ardiff_model_tensor_count(const ardiff_model* model) {
    return model == nullptr ? -1 : static_cast<int32_t>(model->parameters.layout.entries().size());
}

int32_t ardiff_model_tensor_info(const ardiff_model* model, int32_t index, char* name,
                                 int32_t name_capacity, int32_t* shape, int32_t* dimensions,
                                 char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        const ParameterInfo& info = entry(model, index);
        require(name != nullptr && shape != nullptr && dimensions != nullptr, "An output is NULL");
        check_capacity("Tensor name", info.name.size(), name_capacity);
        std::memcpy(name, info.name.c_str(), info.name.size() + 1);
        for (size_t i = 0; i < info.shape.size(); ++i)
            shape[i] = static_cast<int32_t>(info.shape[i]);
        *dimensions = static_cast<int32_t>(info.shape.size());
    });
}

int32_t ardiff_model_write_tensor(ardiff_model* model, int32_t index, const float* data,
                                  int32_t count, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        const ParameterInfo& info = entry(model, index);
        require(data != nullptr, "Tensor data is NULL");
        check_count("Tensor " + info.name, info.count, count);
        const int64_t bad = first_not_finite(data, count);
        if (bad >= 0) {
            throw Error(ARDIFF_NON_FINITE,
                        format("Tensor %s has a value that is not finite at position %lld",
                               info.name.c_str(), static_cast<long long>(bad)));
        }
        std::memcpy(model->parameters.data() + info.offset, data,
                    static_cast<size_t>(count) * sizeof(float));
        model->parameters.written[static_cast<size_t>(index)] = true;
    });
}

int32_t ardiff_model_read_tensor(const ardiff_model* model, int32_t index, float* data,
                                 int32_t count, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        const ParameterInfo& info = entry(model, index);
        require(data != nullptr, "Tensor output is NULL");
        check_count("Tensor " + info.name, info.count, count);
        std::memcpy(data, model->parameters.data() + info.offset,
                    static_cast<size_t>(count) * sizeof(float));
    });
}

int32_t ardiff_model_prepare(ardiff_model* model, int32_t device, int32_t device_index,
                             int32_t dtype, int32_t threads, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        require(model != nullptr, "Model is NULL");
        check_device(device, device_index);
        const ardiff_dtype type = checked_dtype(dtype);
        threads = checked_threads(threads);
        const Parameters& parameters = model->parameters;
        check_written(parameters);
        std::shared_ptr<const Backend> backend =
            device == ARDIFF_DEVICE_CPU ? make_cpu_backend(parameters, type, threads)
                                        : make_portable_backend(parameters, ARDIFF_DEVICE_CUDA,
                                                                device_index, type, threads);
        model->backend = std::move(backend);
        model->portable = nullptr;
        model->device = static_cast<ardiff_device>(device);
        model->device_index = device_index;
        model->dtype = type;
        model->threads = threads;
    });
}
