// The CPU backend: packed weights and threads shared by all batches of a model.
#include <mutex>

#include "core/cpu.h"
#include "cpu/generate/decoding.h"
#include "cpu/generate/generator.h"

namespace ardiff {
namespace cpu {

class CpuBackend final : public Backend {
  public:
    CpuBackend(const Parameters& parameters, ardiff_dtype dtype, int threads)
        : weights_(std::make_shared<const Weights>(parameters, dtype)),
          threads_(std::make_shared<ThreadPool>(threads)) {}

    std::unique_ptr<Generator> start(const BatchRequest& request) const override {
        return std::make_unique<CpuGenerator>(weights_, threads_, request);
    }
    std::unique_ptr<Decoder> decode(const DecodingRequest& request) const override {
        std::call_once(decoding_made_,
                       [&] { decoding_ = std::make_shared<const DecodingWeights>(*weights_); });
        return std::make_unique<CpuDecoder>(weights_, decoding_, threads_, request);
    }

  private:
    std::shared_ptr<const Weights> weights_;
    std::shared_ptr<ThreadPool> threads_;
    mutable std::once_flag decoding_made_;
    mutable std::shared_ptr<const DecodingWeights> decoding_;
};

}  // namespace cpu

std::shared_ptr<const Backend> make_cpu_backend(const Parameters& parameters, ardiff_dtype dtype,
                                                int threads) {
    return std::make_shared<cpu::CpuBackend>(parameters, dtype, threads);
}

}  // namespace ardiff
