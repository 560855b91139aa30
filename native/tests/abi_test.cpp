// Drives every entry point of ardiff.h, wrong arguments included, in a build with the address and
// undefined-behaviour sanitizers (scripts/build_native.sh --sanitize). Every buffer has exactly the
// size that the header asks for.
//
// What the sanitizers do not see: libtorch, which comes uninstrumented, and the tile loads and
// stores of the AMX kernels, which are inline assembly to the compiler. The same kernels for
// AVX-512, whose memory layout they share, are instrumented.
#include <cstdio>

#include "sample.h"

// Calls that ask for more memory than there is must return a status, as in an ordinary build.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

// What libtorch allocates once and keeps for the life of the process is no leak of ours.
extern "C" const char* __lsan_default_suppressions() {
    return "leak:libtorch_cpu.so\nleak:libc10.so\n";
}

int main() {
    test::test_library();
    test::test_models();
    test::test_generation();
    test::test_decoding();
    test::test_training();
    std::printf("%d passed, %d failed\n", test::passed, test::failed);
    return test::failed == 0 ? 0 : 1;
}
