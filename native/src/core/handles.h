// What the opaque handles of ardiff.h point to.
#pragma once

#include <memory>

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
};

struct ardiff_generation {
    ardiff::NetworkConfig config;
    std::shared_ptr<const ardiff::Backend> backend;  // keeps the weights alive
    std::unique_ptr<ardiff::Generator> generator;
};
