// Adds the seconds that `body` takes to `total`.
#pragma once

#include <chrono>

namespace ardiff {

template <class Body>
void timed(double& total, Body&& body) {
    const auto begin = std::chrono::steady_clock::now();
    body();
    total += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace ardiff
