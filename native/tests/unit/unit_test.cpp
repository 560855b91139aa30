// What the ABI does not show: how the CPU kernels' wing fails, and what CUDA takes. Run by
// tests/native/unit_test.ts.
#include <unistd.h>

#include "unit.h"

int main() {
    alarm(600);  // a hang is a failure, a machine with much other work none
    test::test_slot_mask();
    test::test_best_tokens();
    test::test_cross_entropy();
    test::test_step_graph();
    test::test_rounding();
    test::test_cuda_kernels();
    test::test_failing_lane();
    test::test_refused_thread();  // the last: it leaves little memory
    std::printf("%d passed, %d failed\n", test::passed, test::failed);
    return test::failed == 0 ? 0 : 1;
}
