// Errors inside the shim, and the one place where exceptions become status codes.
#pragma once

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "ardiff.h"

namespace ardiff {

// A failure with the status code it has at the ABI.
class Error : public std::runtime_error {
  public:
    Error(ardiff_status status, const std::string& message)
        : std::runtime_error(message), status_(status) {}
    ardiff_status status() const { return status_; }

  private:
    ardiff_status status_;
};

// printf-style text as std::string.
[[gnu::format(printf, 1, 2)]] inline std::string format(const char* pattern, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, pattern);
    std::vsnprintf(text, sizeof text, pattern, arguments);
    va_end(arguments);
    return text;
}

// Throws ARDIFF_INVALID_ARGUMENT unless `condition` holds.
inline void require(bool condition, const char* message) {
    if (!condition) throw Error(ARDIFF_INVALID_ARGUMENT, message);
}

// Copies `message` up to its first line break: libtorch appends traces that are not for users.
inline void copy_message(const char* message, char* error, int32_t capacity) {
    if (error == nullptr || capacity <= 0) return;
    int32_t n = 0;
    while (n < capacity - 1 && message[n] != '\0' && message[n] != '\n') {
        error[n] = message[n];
        ++n;
    }
    error[n] = '\0';
}

// Maps an exception of libtorch to a status (out of memory has a type of its own there).
ardiff_status status_of(const std::exception& error);

// Runs `body` and turns whatever it throws into a status and a message.
template <class Body>
int32_t guarded(char* error, int32_t capacity, Body&& body) noexcept {
    try {
        body();
        return ARDIFF_OK;
    } catch (const Error& e) {
        copy_message(e.what(), error, capacity);
        return e.status();
    } catch (const std::bad_alloc&) {
        copy_message("Out of memory: use a smaller batch or fewer candidates", error, capacity);
        return ARDIFF_OUT_OF_MEMORY;
    } catch (const std::exception& e) {
        copy_message(e.what(), error, capacity);
        return status_of(e);
    } catch (...) {
        copy_message("Unknown native error", error, capacity);
        return ARDIFF_INTERNAL;
    }
}

}  // namespace ardiff
