// Memory of the process.
#pragma once

#include <sys/resource.h>

#include <cstdint>

namespace ardiff {

// Largest resident set so far.
inline int64_t peak_resident_bytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
#if defined(__APPLE__)
    return usage.ru_maxrss;
#else
    return usage.ru_maxrss * int64_t{1024};
#endif
}

}  // namespace ardiff
