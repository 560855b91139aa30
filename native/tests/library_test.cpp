// The library itself and its small parts.
#include <algorithm>

#include "sample.h"

namespace test {
namespace {

void test_error_texts() {
    uint32_t output[4];
    for (size_t capacity : {size_t{1}, size_t{2}, size_t{9}, size_t{200}}) {
        std::vector<char> text(capacity, '#');
        const int32_t status =
            ardiff_philox(nullptr, nullptr, output, text.data(), static_cast<int32_t>(capacity));
        const std::string whole = "A Philox buffer is NULL";
        expect(status == ARDIFF_INVALID_ARGUMENT,
               "a call is refused at any capacity of its error text");
        expect(text[std::min(capacity - 1, whole.size())] == '\0' &&
                   whole.compare(0, capacity - 1, text.data()) == 0,
               "an error text is cut to its capacity and terminated");
    }
    char untouched = '#';
    ardiff_philox(nullptr, nullptr, output, &untouched, 0);
    ardiff_philox(nullptr, nullptr, output, &untouched, -5);
    expect(untouched == '#', "an error text of no capacity is not written");
}

void test_description() {
    std::vector<char> json(8192, '#');
    accepted("ardiff_describe", ardiff_describe, json.data(), static_cast<int32_t>(json.size()));
    const std::string text = json.data();
    expect(text.find("\"libtorch\":\"2.") != std::string::npos && text.back() == '}',
           "the description is a JSON object with libtorch's version");
    std::vector<char> exact(text.size() + 1);
    accepted("ardiff_describe", ardiff_describe, exact.data(), static_cast<int32_t>(exact.size()));
    std::vector<char> small(text.size());
    refused(ARDIFF_INVALID_ARGUMENT, "Description needs", ardiff_describe, small.data(),
            static_cast<int32_t>(small.size()));
    refused(ARDIFF_INVALID_ARGUMENT, "Description needs", ardiff_describe, small.data(), -1);
    refused(ARDIFF_INVALID_ARGUMENT, "Description output is NULL", ardiff_describe, nullptr, 100);
}

void test_random_numbers() {
    const std::vector<uint32_t> counter{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
        key{0xa4093822, 0x299f31d0};
    std::vector<uint32_t> output(4);
    accepted("ardiff_philox", ardiff_philox, counter.data(), key.data(), output.data());
    expect(output == std::vector<uint32_t>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
           "Philox gives its published answer");
    refused(ARDIFF_INVALID_ARGUMENT, "Philox buffer", ardiff_philox, counter.data(), nullptr,
            output.data());
    refused(ARDIFF_INVALID_ARGUMENT, "Philox buffer", ardiff_philox, counter.data(), key.data(),
            nullptr);

    const std::vector<int32_t> ids{5, 0, 36};
    std::vector<uint32_t> first(2), second(2);
    accepted("ardiff_noise_key", ardiff_noise_key, ~uint64_t{0}, ids.data(), 3, first.data());
    accepted("ardiff_noise_key", ardiff_noise_key, ~uint64_t{0}, ids.data(), 2, second.data());
    expect(first != second, "the key of a source depends on all its ids");
    accepted("ardiff_noise_key without ids", ardiff_noise_key, uint64_t{1}, nullptr, 0,
             first.data());
    refused(ARDIFF_INVALID_ARGUMENT, "negative", ardiff_noise_key, uint64_t{1}, ids.data(), -1,
            first.data());
    refused(ARDIFF_INVALID_ARGUMENT, "Ids are NULL", ardiff_noise_key, uint64_t{1}, nullptr, 1,
            first.data());
    refused(ARDIFF_INVALID_ARGUMENT, "Key output", ardiff_noise_key, uint64_t{1}, ids.data(), 3,
            nullptr);
}

void test_kernels() {
    refused(ARDIFF_INVALID_ARGUMENT, "Kernel name is NULL", ardiff_choose_kernels, nullptr);
    refused(ARDIFF_UNSUPPORTED, "\"sse9\"", ardiff_choose_kernels, "sse9");
    refused(ARDIFF_UNSUPPORTED, "\"\"", ardiff_choose_kernels, "");
    std::vector<double> seconds(1);
    for (const char* name : kernel_names()) {
        accepted("ardiff_choose_kernels", ardiff_choose_kernels, name);
        for (int dtype : {ARDIFF_DTYPE_F32, ARDIFF_DTYPE_BF16}) {
            for (int rows : {1, 5, 33}) {
                accepted("ardiff_time_matmul", ardiff_time_matmul, rows, 37, 21, dtype, 2,
                         seconds.data());
                expect(seconds[0] > 0 && std::isfinite(seconds[0]), "a matmul takes time");
            }
        }
    }
    for (int at = 0; at < 4; ++at) {
        int32_t sizes[] = {3, 3, 3, 1};
        sizes[at] = at % 2 == 0 ? 0 : -7;
        refused(ARDIFF_INVALID_ARGUMENT, "Matmul size is", ardiff_time_matmul, sizes[0], sizes[1],
                sizes[2], ARDIFF_DTYPE_F32, sizes[3], seconds.data());
    }
    refused(ARDIFF_INVALID_ARGUMENT, "expected 1 to 1048576", ardiff_time_matmul, 1, INT32_MAX, 1,
            ARDIFF_DTYPE_F32, 1, seconds.data());
    refused(ARDIFF_INVALID_ARGUMENT, "Data type is 2", ardiff_time_matmul, 1, 1, 1, 2, 1,
            seconds.data());
    refused(ARDIFF_INVALID_ARGUMENT, "Seconds output", ardiff_time_matmul, 1, 1, 1,
            ARDIFF_DTYPE_F32, 1, nullptr);
}

}  // namespace

void test_library() {
    expect(ardiff_abi_version() == ARDIFF_ABI_VERSION, "the library has the header's ABI version");
    test_error_texts();
    test_description();
    test_random_numbers();
    test_kernels();
}

}  // namespace test
