// A model on its device, shared by all batches made from it.
#pragma once

#include <c10/core/DeviceGuard.h>
#include <c10/core/InferenceMode.h>

#include <utility>

#include "core/parameters.h"
#include "torch/device.h"
#include "torch/frozen_decoder.h"
#include "torch/nearest.h"
#include "torch/network.h"
#include "torch/step_graph.h"
#include "torch/weights.h"
#include "torch/worker.h"

namespace ardiff::portable {

struct Weights {
    Weights(const Parameters& parameters, const at::Device& on, ardiff_dtype dtype, int threads)
        : config(parameters.config),
          device(on),
          worker(threads),
          compute(dtype == ARDIFF_DTYPE_BF16 ? at::kBFloat16 : at::kFloat),
          flat(upload(parameters.data(), {parameters.layout.size()}, on)),
          tensors(parameters.layout, flat),
          products(parameters.layout, flat.to(compute)),
          network(config, tensors, products, compute),
          decoder(config, tensors, products, compute),
          graph(on),
          rounding(network.table(), nearest_bias(network.table())),
          likeliest(network.table(), network.logits_bias()) {}

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
    const at::ScalarType compute;
    const at::Tensor flat;
    const NamedTensors tensors, products;  // views of it, and of the same in the compute type
    const Network network;                 // the encoder and the chain head of
    const FrozenDecoder decoder;
    mutable StepGraph graph;               // of steps of generation; for the worker alone
    const Vocabulary rounding, likeliest;  // the nearest embedding; the likeliest token
};

}  // namespace ardiff::portable
