// The sinusoidal embedding of timesteps (SPEC section 4).
#pragma once

#include <vector>

namespace ardiff::cpu {

class TimeEmbedding {
  public:
    explicit TimeEmbedding(int channels);

    // The cosines, then the sines of a scaled timestep: `channels` floats.
    void write(float timestep, float* out) const;

  private:
    std::vector<float> frequencies_;
};

}  // namespace ardiff::cpu
