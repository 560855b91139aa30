// How ranks find each other: each writes itself into a store and waits for the others.
#pragma once

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>
#include <string>

namespace ardiff::group {

// Where ranks meet, and how long they wait there.
struct Meeting {
    std::string host;
    int port;
    bool serve;
    std::string session;
    int rank, size;
    std::chrono::milliseconds patience;
};

// Returns the store once all ranks are in it. Throws ARDIFF_INVALID_STATE where some do not come in
// time, where two have one rank, or where one was started with another size.
c10::intrusive_ptr<c10d::Store> meet(const Meeting& meeting);

}  // namespace ardiff::group
