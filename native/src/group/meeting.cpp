#include "group/meeting.h"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <optional>
#include <vector>

#include "core/error.h"

namespace ardiff::group {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string size_key(int rank) { return "size/" + std::to_string(rank); }

std::string text_of(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

// "rank 3", "ranks 1 and 3", "ranks 1, 2 and 3".
std::string names_of(const std::vector<int>& ranks) {
    std::string names = ranks.size() == 1 ? "rank " : "ranks ";
    for (size_t i = 0; i < ranks.size(); ++i) {
        if (i > 0) names += i + 1 == ranks.size() ? " and " : ", ";
        names += std::to_string(ranks[i]);
    }
    return names;
}

c10::intrusive_ptr<c10d::Store> open_store(const Meeting& meeting) {
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(meeting.port);
    options.isServer = meeting.serve;
    options.numWorkers = static_cast<size_t>(meeting.size);
    options.waitWorkers = false;  // meet() waits, and can say for whom
    options.timeout = meeting.patience;
    // Deno exports functions of libuv for add-ons of Node. The dynamic linker puts them in the
    // place of those in libtorch_cpu.so, with which a store over libuv crashes.
    options.useLibUV = false;
    try {
        return c10::make_intrusive<c10d::PrefixStore>(
            "ardiff/" + meeting.session,
            c10::make_intrusive<c10d::TCPStore>(meeting.host, options));
    } catch (const std::exception& error) {
        const std::string reason = error.what();
        if (reason.find("EADDRINUSE") != std::string::npos) {
            throw Error(ARDIFF_INVALID_STATE,
                        format("port %d of this machine is taken", meeting.port));
        }
        throw Error(ARDIFF_INVALID_STATE,
                    format("nobody serves the meeting point %s:%d, which is rank 0's to do",
                           meeting.host.c_str(), meeting.port));
    }
}

}  // namespace

c10::intrusive_ptr<c10d::Store> meet(const Meeting& meeting) {
    const auto deadline = steady_clock::now() + meeting.patience;
    const auto store = open_store(meeting);
    if (store->add("came/" + std::to_string(meeting.rank), 1) > 1) {
        throw Error(ARDIFF_INVALID_STATE,
                    format("another process is rank %d already", meeting.rank));
    }
    const std::string size = std::to_string(meeting.size);
    store->set(size_key(meeting.rank), std::vector<uint8_t>(size.begin(), size.end()));
    std::vector<int> missing;
    for (int rank = 0; rank < meeting.size; ++rank) {
        const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
        try {
            // A wait of 0 would be one without end.
            store->wait({size_key(rank)}, std::max(left, milliseconds(1)));
        } catch (const std::exception&) {
            missing.push_back(rank);
            continue;
        }
        const std::string other = text_of(store->get(size_key(rank)));
        if (other != size) {
            throw Error(ARDIFF_INVALID_STATE,
                        format("rank %d was started as one of %s ranks, rank %d as one of %s", rank,
                               other.c_str(), meeting.rank, size.c_str()));
        }
    }
    if (missing.empty()) return store;
    throw Error(ARDIFF_INVALID_STATE,
                format("%s did not come within %g s", names_of(missing).c_str(),
                       static_cast<double>(meeting.patience.count()) / 1000));
}

}  // namespace ardiff::group
