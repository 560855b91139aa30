/*
 * The one-file program: unpacks the package that it carries, once, and becomes it.
 *
 * The package goes into <cache>/<PACKAGE_ID>, where PACKAGE_ID names its content and <cache> is the
 * first of these that can hold programs:
 *   $ARDIFF_CACHE, and then no other
 *   $XDG_CACHE_HOME/ardiff, or $HOME/.cache/ardiff
 *   $TMPDIR/ardiff-<user>, or /tmp/ardiff-<user>
 * What is used is what was checked: a folder is opened without its links, no one else may write it,
 * nor rename it by way of a folder above it, and all that follows goes by the opened folder or its
 * path without links.
 * The package is written beside its place under a lock, flushed and renamed: it is there in full or
 * not at all, however many first starts there are at once. Where files of it went missing since (a
 * cleaner of temporary folders), it is unpacked again. Arguments, streams, signals and exit codes
 * are those of the package's start script, which replaces this process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { EXIT_NO_PLACE = 10 }; /* beyond the exit codes of src/errors.ts */

/* The package: made by scripts/compile.sh, ended by an entry without a name. */
extern const struct entry {
    const char* name; /* path below the package's folder */
    const char* data;
    size_t size;
    size_t executable;
} package[];

/* Why no folder was good enough so far: "reason; reason". */
static char reasons[4096];

/* Remembers why a folder cannot be used, and returns false. */
__attribute__((format(printf, 2, 3))) static bool refuse(const char* folder, const char* format,
                                                         ...) {
    size_t length = strlen(reasons);
    length += snprintf(reasons + length, sizeof reasons - length, "%s\"%s\" ", length ? "; " : "",
                       folder);
    if (length >= sizeof reasons) return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reasons + length, sizeof reasons - length, format, arguments);
    va_end(arguments);
    return false;
}

/* Formats a path; of one that is too long nothing is left, which the next system call reports. */
__attribute__((format(printf, 2, 3))) static void format_path(char path[PATH_MAX],
                                                              const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(path, PATH_MAX, format, arguments) >= PATH_MAX) path[0] = '\0';
    va_end(arguments);
}

/* Makes a folder; one that is there is fine, also where none could be made. */
static bool make_folder(const char* path, mode_t mode) {
    if (mkdir(path, mode) == 0) return true;
    int reason = errno;
    struct stat status;
    if (stat(path, &status) == 0) return true;
    errno = reason;
    return false;
}

/* Makes a folder, and those above it for all to read. */
static bool make_folders(const char* folder, mode_t mode) {
    char path[PATH_MAX];
    format_path(path, "%s", folder);
    for (char* slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (!make_folder(path, 0755)) return false;
        *slash = '/';
    }
    return make_folder(path, mode);
}

/* Whether others may put files into a folder and rename those of others. */
static bool is_open_to_others(const struct stat* status) {
    return (status->st_mode & (S_IWGRP | S_IWOTH)) != 0 && (status->st_mode & S_ISVTX) == 0;
}

static bool is_ours(const struct stat* status) {
    return status->st_uid == geteuid() || status->st_uid == 0;
}

/* Whether a folder above could let anyone put another in this one's place. */
static bool can_be_replaced(const char* path) {
    char above[PATH_MAX];
    format_path(above, "%s", path);
    for (char* slash = strrchr(above, '/'); slash != NULL; slash = strrchr(above, '/')) {
        slash[slash == above ? 1 : 0] = '\0';
        struct stat status;
        if (stat(above, &status) != 0) return true;
        if ((status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0) return true;
        if (slash == above) return false;
    }
    return true; /* no absolute path */
}

/*
 * Opens a cache folder that no one else could have planted or can change, and gives its path
 * without links. Returns -1 where there is none, with the reason told.
 */
static int open_cache(const char* cache, bool is_shared_place, char real[PATH_MAX]) {
    struct stat status;
    /* In a folder for everyone, anyone may have made a link of that name. */
    if (is_shared_place && (lstat(cache, &status) != 0 || !S_ISDIR(status.st_mode))) {
        return refuse(cache, "is no folder of this user"), -1;
    }
    int folder = realpath(cache, real) == NULL
                     ? -1
                     : open(real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 || fstat(folder, &status) != 0 || !is_ours(&status)) {
        refuse(cache, "is no folder of this user");
    } else if (is_open_to_others(&status) || can_be_replaced(real)) {
        refuse(cache, "may be changed by other users");
    } else {
        return folder;
    }
    if (folder >= 0) close(folder);
    return -1;
}

/* Whether every file of the package is there, in its size, and no one else can write it. */
static bool is_complete(int cache) {
    int root = openat(cache, PACKAGE_ID, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (root < 0) return false;
    struct stat status;
    bool complete = fstat(root, &status) == 0 && is_ours(&status) &&
                    (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    for (const struct entry* entry = package; complete && entry->name != NULL; entry++) {
        complete = fstatat(root, entry->name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                   S_ISREG(status.st_mode) && is_ours(&status) &&
                   (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
                   (size_t)status.st_size == entry->size;
    }
    close(root);
    return complete;
}

static bool write_file(const char* path, const struct entry* entry) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return false;
    size_t done = 0;
    while (done < entry->size) {
        ssize_t count = write(file, entry->data + done, entry->size - done);
        if (count < 0 && errno != EINTR) break;
        if (count > 0) done += count;
    }
    bool written = done == entry->size && fchmod(file, entry->executable ? 0755 : 0644) == 0 &&
                   fsync(file) == 0;
    return close(file) == 0 && written;
}

static bool sync_folder(const char* path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder >= 0 && fsync(folder) == 0 && close(folder) == 0;
}

static int remove_entry(const char* path, const struct stat* status, int type, struct FTW* place) {
    (void)status, (void)type, (void)place;
    return remove(path);
}

/* Removes a folder with all it holds; one that does not exist is fine. */
static void remove_folder(const char* path) {
    int before = errno;
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    errno = before;
}

/* Writes the package to root, by way of a folder beside it. The caller holds the lock. */
static bool unpack(const char* cache, const char* root) {
    char part[PATH_MAX];
    format_path(part, "%s.part", root);
    remove_folder(part); /* of a start that was killed */
    /* It must be new: one that could not be removed is someone else's. */
    if (mkdir(part, 0755) != 0) return false;
    for (const struct entry* entry = package; entry->name != NULL; entry++) {
        char path[PATH_MAX];
        format_path(path, "%s/%s", part, entry->name);
        char* name = strrchr(path, '/');
        *name = '\0';
        if (!make_folders(path, 0755)) return false;
        *name = '/';
        if (!write_file(path, entry)) return false;
    }
    if (chmod(part, 0755) != 0 || !sync_folder(part)) return false;
    remove_folder(root); /* incomplete, or it would have been used */
    return rename(part, root) == 0 && sync_folder(cache);
}

/* Finds the package in a cache folder or unpacks it there; real becomes the folder's path. */
static bool provide(const char* cache, bool is_shared_place, char real[PATH_MAX]) {
    if (!make_folders(cache, 0700)) return refuse(cache, "cannot be made (%s)", strerror(errno));
    struct statvfs system;
    if (statvfs(cache, &system) != 0) return refuse(cache, "cannot be used (%s)", strerror(errno));
    if (system.f_flag & ST_NOEXEC) return refuse(cache, "may not hold programs (mounted noexec)");
    int folder = open_cache(cache, is_shared_place, real);
    if (folder < 0) return false;
    if (is_complete(folder)) return close(folder) == 0;

    bool provided = false;
    char root[PATH_MAX];
    format_path(root, "%s/%s", real, PACKAGE_ID);
    int lock = openat(folder, PACKAGE_ID ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    int locked = lock;
    while (locked >= 0 && flock(lock, LOCK_EX) != 0) {
        if (errno != EINTR) locked = -1;
    }
    if (lock < 0) {
        refuse(cache, "cannot be written (%s)", strerror(errno));
    } else if (locked < 0) {
        refuse(cache, "cannot be locked (%s)", strerror(errno));
    } else {
        provided = is_complete(folder) || (unpack(real, root) && is_complete(folder));
        if (!provided) {
            refuse(cache, "cannot be written (%s)", strerror(errno));
            char part[PATH_MAX];
            format_path(part, "%s.part", root);
            remove_folder(part);
        }
    }
    if (lock >= 0) close(lock);
    close(folder);
    return provided;
}

/* Becomes the package, if a cache folder can hold it. */
static void start_from(const char* cache, bool is_shared_place, char** argv) {
    char real[PATH_MAX], program[PATH_MAX];
    if (strlen(cache) > PATH_MAX / 2) { /* room for the package's own paths */
        refuse(cache, "is too long a path");
        return;
    }
    if (!provide(cache, is_shared_place, real)) return;
    format_path(program, "%s/%s/ardiff", real, PACKAGE_ID);
    execv(program, argv);
    refuse(cache, "may not hold programs (%s)", strerror(errno));
}

/* A variable that holds an absolute path, as the XDG base directory specification wants. */
static const char* folder_variable(const char* name) {
    const char* value = getenv(name);
    return value != NULL && value[0] == '/' ? value : NULL;
}

int main(int argc, char** argv) {
    (void)argc;
    char executable[PATH_MAX], cache[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
    if (length > 0) {
        executable[length] = '\0';
        setenv("ARDIFF_EXECUTABLE", executable, 1);
    }

    const char* chosen = getenv("ARDIFF_CACHE");
    if (chosen != NULL && chosen[0] != '\0') {
        start_from(chosen, false, argv);
    } else {
        const char *xdg = folder_variable("XDG_CACHE_HOME"), *home = folder_variable("HOME");
        if (xdg != NULL || home != NULL) {
            format_path(cache, "%s%s/ardiff", xdg != NULL ? xdg : home,
                        xdg != NULL ? "" : "/.cache");
            start_from(cache, false, argv);
        }
        const char* temporary = folder_variable("TMPDIR");
        format_path(cache, "%s/ardiff-%u", temporary != NULL ? temporary : "/tmp",
                    (unsigned)geteuid());
        start_from(cache, true, argv);
    }
    fprintf(stderr,
            "Error: Cannot unpack ardiff: %s: set ARDIFF_CACHE to a folder where programs may be "
            "written and run\n",
            reasons);
    return EXIT_NO_PLACE;
}
