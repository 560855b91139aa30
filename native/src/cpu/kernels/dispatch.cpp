// Chooses the kernels for the machine at hand.
#include <atomic>
#include <cstring>

#include "cpu/kernels/kernels.h"

#if defined(ARDIFF_X86) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace ardiff::cpu {

extern const Kernels kernels_baseline;
#if defined(ARDIFF_X86)
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
extern const Kernels kernels_amx;
#elif defined(ARDIFF_ARM)
extern const Kernels kernels_neon;
#endif

namespace {

#if defined(ARDIFF_X86)
bool has_avx2() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2");
}

bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

// AMX also needs the kernel's leave, once a process, to use the tile registers.
bool has_amx() {
#if defined(__linux__)
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    constexpr unsigned bf16 = 1u << 22, tile = 1u << 24;
    if ((d & bf16) == 0 || (d & tile) == 0) return false;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || (a & (1u << 5)) == 0)
        return false;                                            // avx512_bf16
    constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM
    return has_avx512() && syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
    return false;
#endif
}
#endif

const Kernels* best() {
#if defined(ARDIFF_X86)
    if (has_amx()) return &kernels_amx;
    if (has_avx512()) return &kernels_avx512;
    if (has_avx2()) return &kernels_avx2;
#elif defined(ARDIFF_ARM)
    return &kernels_neon;  // every such CPU has it
#endif
    return &kernels_baseline;
}

std::atomic<const Kernels*>& current() {
    static std::atomic<const Kernels*> table = best();
    return table;
}

}  // namespace

const Kernels& kernels() { return *current().load(); }

void choose_kernels(const Kernels& table) { current().store(&table); }

bool choose_kernels(const char* name) {
    const Kernels* all[] = {
        &kernels_baseline,
#if defined(ARDIFF_X86)
        has_avx2() ? &kernels_avx2 : nullptr,
        has_avx512() ? &kernels_avx512 : nullptr,
        has_amx() ? &kernels_amx : nullptr,
#elif defined(ARDIFF_ARM)
        &kernels_neon,
#endif
    };
    for (const Kernels* table : all) {
        if (table == nullptr || std::strcmp(table->name, name) != 0) continue;
        choose_kernels(*table);
        return true;
    }
    return false;
}

}  // namespace ardiff::cpu
