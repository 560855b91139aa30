#include "core/error.h"

#include <c10/util/Exception.h>

namespace ardiff {

ardiff_status status_of(const std::exception& error) {
    if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return ARDIFF_OUT_OF_MEMORY;
    return ARDIFF_INTERNAL;
}

}  // namespace ardiff
