// Models: creation, weights, preparation.
#include <limits>

#include "sample.h"

namespace test {
namespace {

void refuse_config(const char* says, void (*damage)(ardiff_network_config&)) {
    ardiff_network_config config = small_network(ARDIFF_TIME_TXL);
    damage(config);
    ardiff_model* const sentinel = reinterpret_cast<ardiff_model*>(1);
    ardiff_model* model = sentinel;
    refused(ARDIFF_INVALID_ARGUMENT, says, ardiff_model_create, &config, &model);
    expect(model == sentinel, "a refused model leaves its output untouched");
}

void test_creation() {
    using Config = ardiff_network_config;
    refuse_config("struct_size 0", [](Config& c) { c.struct_size = 0; });
    refuse_config("struct_size 60", [](Config& c) { c.struct_size = 60; });
    refuse_config("vocabulary_size 0", [](Config& c) { c.vocabulary_size = 0; });
    refuse_config("vocabulary_size -2147483648", [](Config& c) { c.vocabulary_size = INT32_MIN; });
    refuse_config("vocabulary_size 2147483647", [](Config& c) { c.vocabulary_size = INT32_MAX; });
    refuse_config("embedding_size 0", [](Config& c) { c.embedding_size = 0; });
    refuse_config("hidden_size 1", [](Config& c) { c.hidden_size = 1; });
    refuse_config("encoder_layers -1", [](Config& c) { c.encoder_layers = -1; });
    refuse_config("decoder_layers 0", [](Config& c) { c.decoder_layers = 0; });
    refuse_config("attention_heads 0", [](Config& c) { c.attention_heads = 0; });
    refuse_config("multiple of 5 attention heads", [](Config& c) { c.attention_heads = 5; });
    refuse_config("encoder_ffn_size 0", [](Config& c) { c.encoder_ffn_size = 0; });
    refuse_config("time_channels 1", [](Config& c) { c.time_channels = 1; });
    refuse_config("max_positions 0", [](Config& c) { c.max_positions = 0; });
    refuse_config("time_conditioning 4", [](Config& c) { c.time_conditioning = 4; });
    refuse_config("self_conditioning 2", [](Config& c) { c.self_conditioning = 2; });
    refuse_config("embedding_layer_norm -1", [](Config& c) { c.embedding_layer_norm = -1; });
    refuse_config("shifted 2", [](Config& c) { c.shifted = 2; });
    refuse_config("needs the shifted layout", [](Config& c) { c.token_chain = 5; });
    refuse_config("token_chain -1", [](Config& c) { c.token_chain = -1; });
    refuse_config("shared_embeddings 2", [](Config& c) { c.shared_embeddings = 2; });
    refuse_config("must be as wide as the encoder", [](Config& c) { c.shared_embeddings = 1; });
    refuse_config("input_projection 7", [](Config& c) { c.input_projection = 7; });
    refuse_config("must be 24 wide", [](Config& c) { c.input_projection = 0; });
    refuse_config("even head size", [](Config& c) {
        c.time_conditioning = ARDIFF_TIME_ROTARY;
        c.attention_heads = 8;
    });
    refuse_config("at most 2147483647",
                  [](Config& c) { c.vocabulary_size = c.embedding_size = 1 << 16; });

    const ardiff_network_config config = small_network(ARDIFF_TIME_TXL);
    ardiff_model* model = nullptr;
    refused(ARDIFF_INVALID_ARGUMENT, "Network config is NULL", ardiff_model_create, nullptr,
            &model);
    refused(ARDIFF_INVALID_ARGUMENT, "Model output is NULL", ardiff_model_create, &config, nullptr);

    ardiff_network_config huge = config;
    huge.hidden_size = huge.attention_heads = 1 << 13;
    huge.encoder_layers = huge.decoder_layers = 1024;
    huge.encoder_ffn_size = 1 << 15;
    refused(ARDIFF_OUT_OF_MEMORY, "Out of memory", ardiff_model_create, &huge, &model);
    expect(model == nullptr, "no model is made where memory does not suffice");

    ardiff_model_free(nullptr);
    expect(ardiff_model_tensor_count(nullptr) == -1, "NULL has no tensors");
}

void test_tensors() {
    Model model(small_network(ARDIFF_TIME_TXL));
    const int32_t count = ardiff_model_tensor_count(model.handle);
    expect(count > 40, "a model has tensors");

    std::vector<char> name(23);  // "word_embedding.weight" and its terminator, and a byte
    std::vector<int32_t> shape(4, -9), dimensions(1, -9);
    accepted("ardiff_model_tensor_info", ardiff_model_tensor_info, model.handle, 0, name.data(), 22,
             shape.data(), dimensions.data());
    expect(std::string(name.data()) == "word_embedding.weight" && dimensions[0] == 2 &&
               shape[0] == 37 && shape[1] == 10 && shape[2] == -9,
           "the first tensor is the word embedding");
    refused(ARDIFF_INVALID_ARGUMENT, "needs 22 bytes", ardiff_model_tensor_info, model.handle, 0,
            name.data(), 21, shape.data(), dimensions.data());
    for (int32_t index : {-1, count, INT32_MAX, INT32_MIN}) {
        refused(ARDIFF_INVALID_ARGUMENT, "out of range", ardiff_model_tensor_info, model.handle,
                index, name.data(), 23, shape.data(), dimensions.data());
    }
    refused(ARDIFF_INVALID_ARGUMENT, "Model is NULL", ardiff_model_tensor_info, nullptr, 0,
            name.data(), 23, shape.data(), dimensions.data());
    refused(ARDIFF_INVALID_ARGUMENT, "output is NULL", ardiff_model_tensor_info, model.handle, 0,
            nullptr, 23, shape.data(), dimensions.data());
    refused(ARDIFF_INVALID_ARGUMENT, "output is NULL", ardiff_model_tensor_info, model.handle, 0,
            name.data(), 23, nullptr, dimensions.data());
    refused(ARDIFF_INVALID_ARGUMENT, "output is NULL", ardiff_model_tensor_info, model.handle, 0,
            name.data(), 23, shape.data(), nullptr);

    std::vector<float> values = Random(1).values(370), copy(370);
    accepted("ardiff_model_write_tensor", ardiff_model_write_tensor, model.handle, 0, values.data(),
             370);
    accepted("ardiff_model_read_tensor", ardiff_model_read_tensor, model.handle, 0, copy.data(),
             370);
    expect(values == copy, "a tensor reads as it was written");
    for (float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        std::vector<float> damaged = values;
        damaged[369] = bad;
        refused(ARDIFF_NON_FINITE, "position 369", ardiff_model_write_tensor, model.handle, 0,
                damaged.data(), 370);
    }
    accepted("ardiff_model_read_tensor", ardiff_model_read_tensor, model.handle, 0, copy.data(),
             370);
    expect(values == copy, "a refused write leaves the tensor as it was");
    for (int32_t wrong : {0, -1, 369, 371}) {
        refused(ARDIFF_INVALID_ARGUMENT, "has 370 values", ardiff_model_write_tensor, model.handle,
                0, values.data(), wrong);
        refused(ARDIFF_INVALID_ARGUMENT, "has 370 values", ardiff_model_read_tensor, model.handle,
                0, copy.data(), wrong);
    }
    refused(ARDIFF_INVALID_ARGUMENT, "data is NULL", ardiff_model_write_tensor, model.handle, 0,
            nullptr, 370);
    refused(ARDIFF_INVALID_ARGUMENT, "output is NULL", ardiff_model_read_tensor, model.handle, 0,
            nullptr, 370);
    refused(ARDIFF_INVALID_ARGUMENT, "out of range", ardiff_model_write_tensor, model.handle, count,
            values.data(), 370);
    refused(ARDIFF_INVALID_ARGUMENT, "Model is NULL", ardiff_model_write_tensor, nullptr, 0,
            values.data(), 370);
    refused(ARDIFF_INVALID_ARGUMENT, "Model is NULL", ardiff_model_read_tensor, nullptr, 0,
            copy.data(), 370);
}

void test_preparation() {
    Model model(small_network(ARDIFF_TIME_TXL));
    refused(ARDIFF_INVALID_STATE, "word_embedding.weight has not been written",
            ardiff_model_prepare, model.handle, ARDIFF_DEVICE_CPU, 0, ARDIFF_DTYPE_F32, 1);
    model.fill(1);
    refused(ARDIFF_INVALID_ARGUMENT, "Model is NULL", ardiff_model_prepare, nullptr,
            ARDIFF_DEVICE_CPU, 0, ARDIFF_DTYPE_F32, 1);
    refused(ARDIFF_INVALID_ARGUMENT, "Device is 2", ardiff_model_prepare, model.handle, 2, 0,
            ARDIFF_DTYPE_F32, 1);
    refused(ARDIFF_INVALID_ARGUMENT, "Device index is -1", ardiff_model_prepare, model.handle,
            ARDIFF_DEVICE_CUDA, -1, ARDIFF_DTYPE_F32, 1);
    refused(ARDIFF_INVALID_ARGUMENT, "Data type is -1", ardiff_model_prepare, model.handle,
            ARDIFF_DEVICE_CPU, 0, -1, 1);
    for (int32_t threads : {-1, 1025}) {
        refused(ARDIFF_INVALID_ARGUMENT, "Number of threads", ardiff_model_prepare, model.handle,
                ARDIFF_DEVICE_CPU, 0, ARDIFF_DTYPE_F32, threads);
    }
    refused(ARDIFF_UNSUPPORTED, "", ardiff_model_prepare, model.handle, ARDIFF_DEVICE_CUDA, 1000,
            ARDIFF_DTYPE_F32, 1);
    for (int32_t threads : {0, 1, 3}) {
        accepted("ardiff_model_prepare", ardiff_model_prepare, model.handle, ARDIFF_DEVICE_CPU, 0,
                 ARDIFF_DTYPE_BF16, threads);
    }
}

}  // namespace

void test_models() {
    test_creation();
    test_tensors();
    test_preparation();
}

}  // namespace test
