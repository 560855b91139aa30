/*
 * Loads libtorch's libraries, and nothing else, from a folder that is known only at run time.
 *
 * Deno grants the right to load libraries by path when it starts. This library's path is known
 * then, so that a package needs no right to load whatever it likes. It is linked without a C
 * library
 * (-nostdlib): dlopen() comes from the process, whatever version of the C library that has.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

/* In the order they must be loaded in; a build for the CPU has no more than some of them. */
static const char* const libraries[] = {"libc10.so", "libtorch_cpu.so", "libc10_cuda.so",
                                        "libtorch_cuda.so", "libtorch.so"};

/* Returns 0, or 1 with the dynamic linker's words in `error`. */
__attribute__((visibility("default"))) int ardiff_load_libtorch(const char* folder, char* error,
                                                                size_t error_size) {
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        char path[4096];
        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, libraries[i]) >= sizeof path) {
            snprintf(error, error_size, "the path is too long: %s", folder);
            return 1;
        }
        if (access(path, F_OK) != 0) continue;
        if (dlopen(path, RTLD_LAZY | RTLD_LOCAL) == NULL) {
            snprintf(error, error_size, "%s", dlerror());
            return 1;
        }
    }
    return 0;
}
