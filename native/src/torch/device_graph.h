// What a device is asked to do, recorded once and asked again: by whatever libtorch has for that.
#pragma once

#include <c10/core/Device.h>

#include <memory>

namespace ardiff::portable {

class DeviceGraph {
  public:
    virtual ~DeviceGraph() = default;

    // Records, from here to capture_end(), what this thread asks of the present stream, which is
    // not the default one. Nothing of it is done meanwhile.
    virtual void capture_begin() = 0;
    virtual void capture_end() = 0;

    // Does it, on the present stream, with what is in memory then.
    virtual void replay() = 0;
};

// What records on devices of `type`, as ardiff_describe names it; null where this libtorch, or the
// build of the shim, has nothing.
const char* device_graphs(c10::DeviceType type);

// One of them. Only where device_graphs() has something.
std::unique_ptr<DeviceGraph> make_device_graph(c10::DeviceType type);

}  // namespace ardiff::portable
