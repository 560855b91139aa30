// Decoding on the portable path.
#pragma once

#include <memory>

#include "core/decoding.h"
#include "torch/prepared.h"

namespace ardiff::portable {

std::unique_ptr<Decoder> make_portable_decoder(std::shared_ptr<const Weights> weights,
                                               const DecodingRequest& request);

}  // namespace ardiff::portable
