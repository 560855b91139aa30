// A thread pool whose n-th thread cannot be made.
#include <sys/resource.h>
#include <unistd.h>

#include "core/error.h"
#include "cpu/threads.h"
#include "unit.h"

namespace test {
namespace {

rlim_t address_space() {
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    unsigned long long pages = 0;
    if (file == nullptr || std::fscanf(file, "%llu", &pages) != 1) pages = 0;
    if (file != nullptr) std::fclose(file);
    return static_cast<rlim_t>(pages) * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

void test_refused_thread() {
    const rlim_t most = address_space() + (rlim_t{256} << 20);  // some thirty stacks of 8 MiB
    const rlimit limit{most, most};
    expect(setrlimit(RLIMIT_AS, &limit) == 0, "the address space can be limited");
    std::string said;
    try {
        const ardiff::cpu::ThreadPool pool(4096);
    } catch (const ardiff::Error& error) {
        said = error.what();
    }
    expect(said.find("of 4096: ask for fewer") != std::string::npos,
           "a pool says which thread it was refused, and does not hang: " + said);
}

}  // namespace test
