// A model on its device, shared by all batches made from it.
#pragma once

#include <c10/core/DeviceGuard.h>
#include <c10/core/InferenceMode.h>

#include <utility>

#include "core/parameters.h"
#include "torch/device.h"
#include "torch/nearest.h"
#include "torch/network.h"
#include "torch/weights.h"
#include "torch/worker.h"

namespace ardiff::portable {

struct Weights {
    Weights(const Parameters& parameters, const at::Device& on, ardiff_dtype dtype, int threads)
        : config(parameters.config),
          device(on),
          worker(threads),
          flat(upload(parameters.data(), {parameters.layout.size()}, on)),
          network(config, NamedTensors(parameters.layout, flat),
                  dtype == ARDIFF_DTYPE_BF16 ? at::kBFloat16 : at::kFloat),
          rounding_bias(nearest_bias(network.table())) {}

    // Runs `job` on the model's worker thread, without gradients.
    template <class Job>
    void run(Job&& job) const {
        worker.run([&] {
            const c10::InferenceMode inference;
            const c10::DeviceGuard guard(device);
            job();
        });
    }

    const NetworkConfig config;
    const at::Device device;
    mutable Worker worker;
    const at::Tensor flat;
    const Network network;
    const at::Tensor rounding_bias;  // [V]
};

}  // namespace ardiff::portable
