// libardiff_group: processes that train together, over c10d and gloo (ardiff_group.h).
#include <ATen/ATen.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "ardiff_group.h"
#include "core/error.h"
#include "group/meeting.h"

C10_DECLARE_int(caffe2_log_level);

using ardiff::Error;
using ardiff::format;
using ardiff::guarded;
using ardiff::require;
using std::chrono::milliseconds;

// Rank r keeps the running sum of every r-th piece of `piece` values; what the ranks exchange at a
// time is one piece for each of them.
struct ardiff_group {
    int rank, size;
    milliseconds timeout;
    c10::intrusive_ptr<c10d::Store> store;
    c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
    int64_t piece = 0;
    at::Tensor sent, received;  // [size, piece]
    std::vector<float> sum;     // this rank's pieces
    bool summing = false;       // whether `sum` holds something
};

namespace {

constexpr int64_t kLargestPiece = int64_t{1} << 18;  // values
constexpr int64_t kLargestBlock = int64_t{1} << 26;  // bytes of a broadcast at a time
constexpr int kQuiet = 3;                            // c10's level for what ends the process

void check_timeout(const char* what, int32_t milliseconds, int32_t least) {
    if (milliseconds < least)
        throw Error(ARDIFF_INVALID_ARGUMENT,
                    format("%s of %d ms: expected at least %d", what, milliseconds, least));
}

ardiff_group& checked(ardiff_group* group) {
    require(group != nullptr, "Group is NULL");
    return *group;
}

bool mentions(const std::string& text, std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](const char* word) { return text.find(word) != std::string::npos; });
}

// Says what gloo and the store mean, whose own words are for those who know its sources.
std::string reason_of(const std::string& text, milliseconds patience) {
    if (mentions(text, {"onnection closed", "onnection reset", "roken pipe", "onnection refused",
                        "likely closed"}))
        return "another rank has ended";
    if (mentions(text, {"imed out", "imeout"})) {
        return format("another rank did not answer within %g s",
                      static_cast<double>(patience.count()) / 1000);
    }
    std::string plain;
    for (const char c : text.substr(0, text.find('\n'))) {
        if (c >= ' ' && c <= '~') plain += c;
    }
    return plain;
}

// Runs an exchange with the other ranks.
template <class Body>
void exchange(milliseconds patience, Body&& body) {
    try {
        body();
    } catch (const std::exception& error) {
        throw Error(ARDIFF_INVALID_STATE, reason_of(error.what(), patience));
    }
}

at::Tensor bytes_of(void* data, int64_t count) { return at::from_blob(data, {count}, at::kByte); }

// The buffers of a sum of `count` values.
void prepare(ardiff_group& group, int64_t count) {
    const int64_t size = group.size;
    const int64_t piece = std::min(kLargestPiece, (count + size - 1) / size);
    const int64_t pieces = (count + piece * size - 1) / (piece * size);
    const auto length = static_cast<size_t>(pieces * piece);
    if (group.piece == piece && group.sum.size() == length) return;
    require(!group.summing, "A sum of another number of values is under way");
    group.piece = piece;
    group.sent = at::zeros({size * piece}, at::kFloat);
    group.received = at::empty({size * piece}, at::kFloat);
    group.sum.assign(length, 0.0f);
}

// Calls body(first, values, sum) for what is exchanged at a time: `values` from `first` on, and
// this rank's piece of the sum.
template <class Body>
void over_pieces(ardiff_group& group, int64_t count, Body&& body) {
    const int64_t whole = group.piece * group.size;
    float* sum = group.sum.data();
    for (int64_t first = 0; first < count; first += whole, sum += group.piece)
        body(first, std::min(whole, count - first), sum);
}

void add_in_order(const float* parts, int64_t piece, int contributors, bool begin, float* sum) {
    for (int r = 0; r < contributors; ++r, parts += piece) {
        if (begin && r == 0) {
            std::memcpy(sum, parts, static_cast<size_t>(piece) * sizeof(float));
        } else {
            for (int64_t i = 0; i < piece; ++i) sum[i] += parts[i];
        }
    }
}

}  // namespace

int32_t ardiff_group_abi_version(void) { return ARDIFF_GROUP_ABI_VERSION; }

int32_t ardiff_group_create(const char* host, int32_t port, int32_t serve, const char* session,
                            int32_t rank, int32_t size, int32_t join_ms, int32_t timeout_ms,
                            ardiff_group** group, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        require(host != nullptr && session != nullptr, "Host or session is NULL");
        require(group != nullptr, "Group output is NULL");
        require(port > 0 && port < 65536, "Port: expected 1 to 65535");
        require(size >= 2 && rank >= 0 && rank < size, "Rank: expected 0 to below 2 or more ranks");
        check_timeout("Time to join", join_ms, 1);
        check_timeout("Timeout", timeout_ms, 1);
        // What c10d writes to standard error of ranks that fail is said by ardiff, once.
        FLAGS_caffe2_log_level = std::max(FLAGS_caffe2_log_level, kQuiet);
        const milliseconds patience(join_ms);
        auto made = std::make_unique<ardiff_group>();
        made->rank = rank;
        made->size = size;
        made->timeout = milliseconds(timeout_ms);
        exchange(patience, [&] {
            made->store =
                ardiff::group::meet({host, port, serve != 0, session, rank, size, patience});
            // Its size differs between versions of libtorch: it must be made there.
            const auto options = c10d::ProcessGroupGloo::Options::create_default(made->timeout);
            made->gloo =
                c10::make_intrusive<c10d::ProcessGroupGloo>(made->store, rank, size, options);
        });
        *group = made.release();
    });
}

void ardiff_group_free(ardiff_group* group) { delete group; }

int32_t ardiff_group_gather(ardiff_group* group, const void* mine, int64_t bytes, void* all,
                            char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        ardiff_group& g = checked(group);
        require(mine != nullptr && all != nullptr, "A buffer of the gathering is NULL");
        require(bytes > 0 && bytes < std::numeric_limits<int64_t>::max() / g.size,
                "Bytes to gather: expected more than 0");
        exchange(g.timeout, [&] {
            at::Tensor given = bytes_of(const_cast<void*>(mine), bytes);
            at::Tensor gathered = bytes_of(all, bytes * g.size);
            g.gloo->_allgather_base(gathered, given)->wait();
        });
    });
}

int32_t ardiff_group_broadcast(ardiff_group* group, void* data, int64_t bytes, char* error,
                               int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        ardiff_group& g = checked(group);
        require(data != nullptr && bytes > 0, "Nothing to broadcast");
        exchange(g.timeout, [&] {
            for (int64_t first = 0; first < bytes; first += kLargestBlock) {
                std::vector<at::Tensor> block{bytes_of(static_cast<char*>(data) + first,
                                                       std::min(kLargestBlock, bytes - first))};
                g.gloo->broadcast(block)->wait();
            }
        });
    });
}

int32_t ardiff_group_add(ardiff_group* group, const float* data, int64_t count,
                         int32_t contributors, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        ardiff_group& g = checked(group);
        require(data != nullptr && count > 0, "Nothing to add");
        require(contributors >= 1 && contributors <= g.size, "Contributors: expected 1 to size");
        prepare(g, count);
        exchange(g.timeout, [&] {
            float* sent = g.sent.mutable_data_ptr<float>();
            const float* received = g.received.const_data_ptr<float>();
            std::vector<int64_t> equal;
            over_pieces(g, count, [&](int64_t first, int64_t values, float* sum) {
                std::memcpy(sent, data + first, static_cast<size_t>(values) * sizeof(float));
                g.gloo->alltoall_base(g.received, g.sent, equal, equal)->wait();
                add_in_order(received, g.piece, contributors, !g.summing, sum);
            });
        });
        g.summing = true;
    });
}

int32_t ardiff_group_collect(ardiff_group* group, float* data, int64_t count, char* error,
                             int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        ardiff_group& g = checked(group);
        require(data != nullptr && count > 0, "Nothing to collect");
        require(g.summing, "There is no sum to collect");
        prepare(g, count);
        exchange(g.timeout, [&] {
            over_pieces(g, count, [&](int64_t first, int64_t values, float* sum) {
                at::Tensor mine = at::from_blob(sum, {g.piece}, at::kFloat);
                g.gloo->_allgather_base(g.sent, mine)->wait();
                std::memcpy(data + first, g.sent.const_data_ptr<float>(),
                            static_cast<size_t>(values) * sizeof(float));
            });
        });
        g.summing = false;
    });
}
