#include "cpu/time_embedding.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

namespace ardiff::cpu {

// exp(-ln(10000) k / half). A timestep of 1000 multiplies the last bit's error into the fifth digit
// of the cosine, so this is libtorch's own exp, as on the portable path and in the published
// network.
TimeEmbedding::TimeEmbedding(int channels) {
    const at::NoGradGuard no_grad;
    const int half = channels / 2;
    const at::Tensor exponents = at::arange(0, half, at::kFloat) * -9.210340371976184 / half;
    const at::Tensor values = exponents.exp();
    frequencies_.assign(values.const_data_ptr<float>(), values.const_data_ptr<float>() + half);
}

void TimeEmbedding::write(float timestep, float* out) const {
    const size_t half = frequencies_.size();
    for (size_t k = 0; k < half; ++k) {
        const double angle =
            timestep * frequencies_[k];  // rounded to float32, as the portable path's
        out[k] = static_cast<float>(std::cos(angle));
        out[half + k] = static_cast<float>(std::sin(angle));
    }
}

}  // namespace ardiff::cpu
