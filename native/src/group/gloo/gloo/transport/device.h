// Stands in for a header of gloo, which libtorch's packages leave out (see context.h).
#pragma once

namespace gloo::transport {

class Device;
class UnboundBuffer;

}  // namespace gloo::transport
