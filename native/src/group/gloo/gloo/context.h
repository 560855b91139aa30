// Stands in for a header of gloo. libtorch's header of ProcessGroupGloo includes five of them, but
// packages of libtorch do not bring them. It names gloo's types through pointers only, so that the
// layout of its classes, and the code made of them here, does not depend on what stands in them.
#pragma once

#include <chrono>

namespace gloo {

class Context {  // an inline function of c10d, which nothing here calls, names this member
  public:
    void setTimeout(std::chrono::milliseconds timeout);
};

}  // namespace gloo
