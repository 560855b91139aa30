// The tests of unit_test.cpp.
#pragma once

#include "check.h"

namespace test {

void test_slot_mask();
void test_best_tokens();
void test_cuda_kernels();
void test_step_graph();
void test_rounding();
void test_cross_entropy();
void test_failing_lane();
void test_refused_thread();

}  // namespace test
