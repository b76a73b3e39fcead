/* map.c: arrays too large to be read into memory.  One whose file holds it as the machine computes with it is mapped where it lies; any other is
 * converted once into a nameless file on disk, and that is mapped.  The system keeps what is in use and gives back the rest. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include "vm/io/inside.h"

enum { AS_IT_LIES = 64 << 20 };         /* from this size on what can be mapped as it lies is */
enum { PADDING = 64 * 8 };              /* readable bytes behind the last value */

uint64_t memory_there_is(void) {
    uint64_t least = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    FILE *group = fopen("/sys/fs/cgroup/memory.max", "re");
    unsigned long long most;
    if (group && fscanf(group, "%llu", &most) == 1 && most < least) least = most;
    if (group) fclose(group);
    static const int kinds[] = { RLIMIT_DATA, RLIMIT_AS };
    for (int i = 0; i < 2; i++) {
        struct rlimit limit;
        if (getrlimit((__rlimit_resource_t)kinds[i], &limit) == 0 && limit.rlim_cur < least) least = limit.rlim_cur;
    }
    return least;
}

/* Reserves room for `bytes` and the padding, zero, and lays the file from `offset` on over it; null with errno.  The offset need not be one of a page. */
static char *lay_over(int fd, int64_t offset, size_t bytes, int protection, int flags, DataMap *map) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), before = (size_t)offset % page;
    size_t room = (before + bytes + PADDING + page - 1) / page * page;
    char *base = mmap(NULL, room, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return NULL;
    if (mmap(base, before + bytes, protection, flags | MAP_FIXED, fd, offset - (int64_t)before) == MAP_FAILED) {
        munmap(base, room);
        return NULL;
    }
    *map = (DataMap){ .data = base + before, .base = base, .bytes = room };
    return base + before;
}

void data_unmap(DataMap *map) {
    if (map->base) munmap(map->base, map->bytes);
    *map = (DataMap){0};
}

/* Whether the file's own bytes can stand for the values (null: for the elements). */
static bool lies_ready(const DataArray *a, const Stored *stored, const Precision *reals) {
    bool same = !reals || (stored->element == (*reals == PRECISION_F64 ? ELEMENT_F64 : ELEMENT_F32) && a->scale >= 1 && a->scale <= 1);
    return same && !stored->values && !stored->texts && !stored->pictures && (!stored->big_endian || element_bytes(stored->element) == 1)
        && (!stored->fortran_order || a->rank < 2) && stored->extent.packing == PACKING_PLAIN && !stored->extent.has_crc;
}

static size_t width_of(const Stored *stored, const Precision *reals) { return reals ? precision_bytes(*reals) : element_bytes(stored->element); }

static char *map_as_it_lies(const DataFile *file, const Stored *stored, int64_t before, size_t bytes, DataMap *map) {
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return io_error(file->path, "cannot be read: %s", strerror(errno));
    char *error = lay_over(fd, stored->extent.offset + stored->skip + before, bytes, PROT_READ, MAP_PRIVATE, map) ? NULL
                : io_error(file->path, "cannot be mapped: %s", strerror(errno));
    close(fd);
    return error;
}

char *map_whole(const char *path, size_t bytes, DataMap *map) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return io_error(path, "cannot be read: %s", strerror(errno));
    char *error = lay_over(fd, 0, bytes, PROT_READ, MAP_PRIVATE, map) ? NULL : io_error(path, "cannot be mapped: %s", strerror(errno));
    close(fd);
    return error;
}

/* A nameless file of this size; -1 with errno. */
static int disk_file(size_t bytes) {
    static const char *const folders[] = { "/var/tmp", "/tmp" };
    int fd = -1, why = 0;
    for (size_t i = 0; i < 2 && fd < 0; i++) {
        fd = open(folders[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        why = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t)bytes);
        if (fd >= 0 && why) { close(fd); fd = -1; }
    }
    errno = why;
    return fd;
}

char *map_room(const char *path, size_t bytes, DataMap *map) {
    int fd = disk_file(bytes);
    if (fd < 0) return io_error(path, "needs %.1f GB on disk as the numbers it is made into (below /var/tmp or /tmp): %s", (double)bytes * 1e-9, strerror(errno));
    char *error = lay_over(fd, 0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map) ? NULL : io_error(path, "cannot be mapped: %s", strerror(errno));
    close(fd);
    return error;
}

/* All of the array, once for all its rows that are asked for. */
static char *convert(DataFile *file, int i, int64_t all, const Precision *reals, DataMap *map) {
    const DataArray *a = data_array(file, i);
    char *error = map_room(file->path, (size_t)all * width_of(&file->stored[i], reals), map);
    if (error) return error;
    error = reals ? data_read(file, i, map->data, *reals) : data_read_elements(file, i, 0, a->rank ? a->dims[0] : 1, map->data);
    if (!error) mprotect(map->base, map->bytes, PROT_READ);
    else data_unmap(map);
    return error;
}

char *data_map(DataFile *file, int i, int64_t from, int64_t rows, const Precision *reals, uint64_t memory, DataMap *map) {
    *map = (DataMap){0};
    const DataArray *a = data_array(file, i);
    Stored *stored = &file->stored[i];
    DataMap *converted = &stored->converted[!reals];
    int64_t all, n = a->rank ? a->dims[0] : 1, width = (int64_t)width_of(stored, reals);
    if (!shape_count(a->rank, a->dims, &all) || n < 1 || from < 0 || rows < 0 || from > n - rows) return NULL;
    int64_t before = all / n * from * width;
    size_t bytes = (size_t)(all / n * rows * width);
    if (bytes >= AS_IT_LIES && lies_ready(a, stored, reals) && (stored->extent.offset + stored->skip) % width == 0)
        return map_as_it_lies(file, stored, before, bytes, map);
    if (bytes <= (memory ? memory : memory_there_is()) / 4) return NULL;
    char *error = converted->data ? NULL : convert(file, i, all, reals, converted);
    if (!error) map->data = (char *)converted->data + before;
    return error;
}
