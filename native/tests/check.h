// What a check is: it holds or it is reported, and the process ends with how many did not.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "ardiff.h"

namespace test {

inline int passed = 0, failed = 0;

inline void expect(bool held, const std::string& what) {
    if (held) {
        ++passed;
    } else {
        ++failed;
        std::fprintf(stderr, "FAILED: %s\n", what.c_str());
    }
}

// The text buffer of a call, exactly as large as it says, so that a write past it is seen.
struct ErrorText {
    std::vector<char> text = std::vector<char>(256, '#');

    char* data() { return text.data(); }
    int32_t capacity() const { return static_cast<int32_t>(text.size()); }
    // What stands before the terminating 0, or a remark that there is none.
    std::string message() const {
        const void* end = std::memchr(text.data(), 0, text.size());
        return end == nullptr ? "(not terminated)" : std::string(text.data());
    }
};

// A call that must succeed; its last two parameters take the error text.
template <class Function, class... Arguments>
void accepted(const char* what, Function function, Arguments... arguments) {
    ErrorText error;
    const int32_t status = function(arguments..., error.data(), error.capacity());
    const std::string detail = status == ARDIFF_OK ? "" : ": " + error.message();
    expect(status == ARDIFF_OK,
           std::string(what) + " succeeds, status " + std::to_string(status) + detail);
}

// A call that must fail with this status and a message that holds `says`.
template <class Function, class... Arguments>
void refused(int32_t status, const char* says, Function function, Arguments... arguments) {
    ErrorText error;
    const int32_t found = function(arguments..., error.data(), error.capacity());
    const std::string message = found == ARDIFF_OK ? "no error" : error.message();
    expect(found == status && message.find(says) != std::string::npos,
           "status " + std::to_string(status) + " with \"" + says + "\", found status " +
               std::to_string(found) + " with \"" + message + "\"");
    const int32_t without_text = function(arguments..., static_cast<char*>(nullptr), 0);
    expect(without_text == found,
           std::string("the same status without a buffer for \"") + says + "\"");
}

}  // namespace test
