// The network's weights as one flat float32 buffer with named views (SPEC section 4).
//
// One buffer, because the optimiser, the exponential moving average and gradient clipping then each
// are one loop, and a checkpoint is one write.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ardiff.h"

namespace ardiff {

// Validated copy of the C struct, with derived sizes.
struct NetworkConfig {
    int vocabulary, embedding, hidden, encoder_layers, decoder_layers, heads, encoder_ffn,
        time_channels, max_positions;
    ardiff_time_conditioning time;
    bool self_conditioning, embedding_norm, input_projection, shifted;
    int token_chain;  // inner width, 0: none
    bool shared_embeddings;

    int head_size() const { return hidden / heads; }
    int decoder_ffn() const { return 4 * hidden; }
    int input_channels() const { return self_conditioning ? 2 * embedding : embedding; }
    // Whether every block has a projection of the timestep (txl and rotary).
    bool has_time_keys() const { return time == ARDIFF_TIME_TXL || time == ARDIFF_TIME_ROTARY; }
    bool has_output_projection() const { return embedding != hidden; }

    // Throws ARDIFF_INVALID_ARGUMENT that names the offending field.
    static NetworkConfig from(const ardiff_network_config& config);
};

struct ParameterInfo {
    std::string name;
    std::vector<int64_t> shape;
    int64_t offset;  // into the flat buffer, in floats; a multiple of 16 (one cache line)
    int64_t count;
};

// Names, shapes and offsets; the same order for weights, gradients and optimiser moments.
class ParameterLayout {
  public:
    explicit ParameterLayout(const NetworkConfig& config);

    const std::vector<ParameterInfo>& entries() const { return entries_; }
    int64_t size() const { return size_; }  // floats, padding included
    const ParameterInfo& at(const std::string& name) const;

  private:
    void add(std::string name, std::vector<int64_t> shape);

    std::vector<ParameterInfo> entries_;
    std::unordered_map<std::string, size_t> index_;
    int64_t size_ = 0;
};

struct AlignedDelete {
    void operator()(float* p) const;
};
using AlignedFloats = std::unique_ptr<float[], AlignedDelete>;

// Zeroed, aligned to 64 bytes. Throws std::bad_alloc.
AlignedFloats allocate_floats(int64_t count);

// Host weights of one model.
class Parameters {
  public:
    explicit Parameters(const NetworkConfig& config);
    Parameters(const Parameters& other);

    const NetworkConfig config;
    const ParameterLayout layout;

    float* data() { return values_.get(); }
    const float* data() const { return values_.get(); }
    const float* tensor(const std::string& name) const {
        return values_.get() + layout.at(name).offset;
    }
    std::vector<bool> written;  // one per layout entry

  private:
    AlignedFloats values_;
};

}  // namespace ardiff
