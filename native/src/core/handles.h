// What the opaque handles of ardiff.h point to.
#pragma once

#include <memory>

#include "core/decoding.h"
#include "core/generator.h"
#include "core/parameters.h"

struct ardiff_model {
    explicit ardiff_model(const ardiff::NetworkConfig& config) : parameters(config) {}

    ardiff::Parameters parameters;
    std::shared_ptr<const ardiff::Backend> backend;   // set by ardiff_model_prepare
    std::shared_ptr<const ardiff::Backend> portable;  // made when first asked for
    ardiff_device device = ARDIFF_DEVICE_CPU;
    int device_index = 0;
    ardiff_dtype dtype = ARDIFF_DTYPE_F32;
    int threads = 1;

    // The backend to compute with: libtorch's if `wants_portable`, else the prepared one. Throws
    // ARDIFF_INVALID_STATE before the model is prepared.
    std::shared_ptr<const ardiff::Backend> chosen_backend(bool wants_portable);
};

struct ardiff_generation {
    ardiff::NetworkConfig config;
    std::shared_ptr<const ardiff::Backend> backend;  // keeps the weights alive
    std::unique_ptr<ardiff::Generator> generator;
};

struct ardiff_decoding {
    ardiff::NetworkConfig config;
    std::shared_ptr<const ardiff::Backend> backend;  // keeps the weights alive
    std::unique_ptr<ardiff::Decoder> decoder;
};
