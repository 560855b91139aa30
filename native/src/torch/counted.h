// What one kernel computes on CUDA is one operation to those who count operations: bench/kernels.ts
// leaves out what runs inside it on other devices.
#pragma once

#include <ATen/record_function.h>

// Until the end of the scope. `name` is a literal.
#define ARDIFF_ONE_KERNEL(name) RECORD_FUNCTION("ardiff::" name, c10::ArrayRef<const c10::IValue>())
