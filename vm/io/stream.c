/* stream.c: bytes of a file in order, unpacked on the way when they are packed (gzip, or deflate inside a zip). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "vm/io/inside.h"

enum { PACKED_ROOM = 1 << 16 };
/* Deflate can make at most this many bytes of one. */
enum { MOST_UNPACKED = 1032 };

struct Stream {
    int fd;
    char *path;
    Extent extent;
    int64_t taken;              /* packed bytes read from the file */
    int64_t given;              /* unpacked bytes handed out */
    uint32_t crc;
    bool inflating, finished;
    struct inflate_state z;
    uint8_t packed[PACKED_ROOM];
};

/* Opens a regular file; a directory, a pipe or a device is refused. */
static int open_regular(const char *path, int64_t *size, char **error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0) {
        *error = io_error(path, "cannot be read: %s", strerror(errno));
        if (fd >= 0) close(fd);
        return -1;
    }
    if (!S_ISREG(about.st_mode)) {
        *error = io_error(path, "is not a file but a %s", S_ISDIR(about.st_mode) ? "folder" : "device or pipe");
        close(fd);
        return -1;
    }
    *size = about.st_size;
    return fd;
}

static int64_t read_packed(Stream *s, void *out, size_t n, char **error) {
    int64_t left = s->extent.length - s->taken;
    size_t want = (int64_t)n < left ? n : (size_t)left;
    size_t got = 0;
    while (got < want) {
        ssize_t r = pread(s->fd, (char *)out + got, want - got, s->extent.offset + s->taken);
        if (r < 0 && errno == EINTR) continue;
        if (r < 0) {
            *error = io_error(s->path, "cannot be read at byte %lld: %s", (long long)(s->extent.offset + s->taken), strerror(errno));
            return -1;
        }
        if (r == 0) break;
        got += (size_t)r;
        s->taken += r;
    }
    return (int64_t)got;
}

static bool begins_as_gzip(int fd) {
    uint8_t head[2];
    return pread(fd, head, 2, 0) == 2 && head[0] == 0x1f && head[1] == 0x8b;
}

Stream *stream_open(const char *path, const Extent *extent, char **error) {
    int64_t size = 0;
    int fd = open_regular(path, &size, error);
    if (fd < 0) return NULL;
    Stream *s = calloc(1, sizeof *s);
    if (!s || !(s->path = strdup(path))) {
        free(s);
        close(fd);
        *error = io_no_memory(path);
        return NULL;
    }
    s->fd = fd;
    if (extent) {
        s->extent = *extent;
    } else {
        bool gzip = begins_as_gzip(fd);
        s->extent = (Extent){ .packing = gzip ? PACKING_GZIP : PACKING_PLAIN, .length = size, .unpacked = gzip ? -1 : size };
    }
    if (s->extent.offset < 0 || s->extent.length < 0 || s->extent.offset > size || s->extent.length > size - s->extent.offset) {
        *error = io_error(path, "is cut off: expected %lld bytes from byte %lld on, but the file has %lld",
                          (long long)s->extent.length, (long long)s->extent.offset, (long long)size);
        stream_close(s);
        return NULL;
    }
    if (s->extent.packing != PACKING_PLAIN) {
        isal_inflate_init(&s->z);
        s->z.crc_flag = s->extent.packing == PACKING_GZIP ? ISAL_GZIP : ISAL_DEFLATE;
        s->inflating = true;
    }
    return s;
}

void stream_close(Stream *s) {
    if (!s) return;
    close(s->fd);
    free(s->path);
    free(s);
}

const char *stream_path(const Stream *s) { return s->path; }
const Extent *stream_extent(const Stream *s) { return &s->extent; }
int64_t stream_position(const Stream *s) { return s->given; }

int64_t stream_most(const Stream *s) {
    if (s->extent.unpacked >= 0) return s->extent.unpacked;
    return s->extent.length > INT64_MAX / MOST_UNPACKED ? INT64_MAX : s->extent.length * MOST_UNPACKED;
}

/* Gives the inflater more packed bytes if it has none and there are some; false with *error. */
static bool feed(Stream *s, char **error) {
    if (s->z.avail_in) return true;
    int64_t got = read_packed(s, s->packed, sizeof s->packed, error);
    if (got < 0) return false;
    s->z.next_in = s->packed;
    s->z.avail_in = (uint32_t)got;
    return true;
}

/* After the end of a gzip member: another may follow; zeroes that pad the file may too. */
static bool next_member(Stream *s, char **error) {
    if (s->extent.packing != PACKING_GZIP) return false;
    for (;;) {
        if (!feed(s, error) || !s->z.avail_in) return false;
        if (*s->z.next_in) {
            isal_inflate_reset(&s->z);
            return true;
        }
        s->z.next_in++;
        s->z.avail_in--;
    }
}

static const char *why_broken(int state) {
    switch (state) {
    case ISAL_INVALID_WRAPPER: return "its header is not one of gzip";
    case ISAL_UNSUPPORTED_METHOD: return "it is not packed by deflate";
    case ISAL_INCORRECT_CHECKSUM: return "its check sum or length is another";
    default: return "an invalid code";
    }
}

static int64_t inflate_some(Stream *s, uint8_t *out, size_t n, char **error) {
    size_t got = 0;
    while (got < n && !s->finished) {
        if (!feed(s, error)) return -1;
        uint32_t room = n - got < (1u << 30) ? (uint32_t)(n - got) : 1u << 30;
        bool at_end = !s->z.avail_in;
        s->z.next_out = out + got;
        s->z.avail_out = room;
        int state = isal_inflate(&s->z);
        got += room - s->z.avail_out;
        if (state < 0 || state > ISAL_OUT_OVERFLOW) {
            *error = io_error(s->path, "has broken packed data after %lld bytes unpacked: %s", (long long)(s->given + (int64_t)got), why_broken(state));
            return -1;
        }
        if (s->z.block_state == ISAL_BLOCK_FINISH) {
            s->finished = !next_member(s, error);
            if (*error) return -1;
        } else if (at_end && s->z.avail_out == room) {
            *error = io_error(s->path, "is cut off: its packed data ends within, after %lld bytes unpacked",
                              (long long)(s->given + (int64_t)got));
            return -1;
        }
    }
    return (int64_t)got;
}

int64_t stream_some(Stream *s, void *out, size_t n, char **error) {
    *error = NULL;
    int64_t got = s->inflating ? inflate_some(s, out, n, error) : read_packed(s, out, n, error);
    if (got < 0) return -1;
    if (s->extent.has_crc) {
        for (size_t at = 0; at < (size_t)got; ) {
            size_t part = (size_t)got - at < (1u << 30) ? (size_t)got - at : 1u << 30;
            s->crc = crc32_gzip_refl(s->crc, (const uint8_t *)out + at, part);
            at += part;
        }
    }
    s->given += got;
    return got;
}

bool stream_read(Stream *s, void *out, size_t n, const char *what, char **error) {
    int64_t start = s->given;
    int64_t got = stream_some(s, out, n, error);
    if (got < 0) return false;
    if ((size_t)got == n) return true;
    *error = io_error(s->path, "is cut off: expected %zu bytes of %s from byte %lld on, found %lld", n, what,
                      (long long)start, (long long)got);
    return false;
}

bool stream_skip(Stream *s, int64_t n, const char *what, char **error) {
    *error = NULL;
    if (!s->inflating && !s->extent.has_crc) {
        if (n > s->extent.length - s->taken) {
            *error = io_error(s->path, "is cut off within %s", what);
            return false;
        }
        s->taken += n;
        s->given += n;
        return true;
    }
    uint8_t scratch[4096];
    while (n > 0) {
        size_t part = n < (int64_t)sizeof scratch ? (size_t)n : sizeof scratch;
        if (!stream_read(s, scratch, part, what, error)) return false;
        n -= (int64_t)part;
    }
    return true;
}

bool stream_ends(Stream *s, char **error) {
    uint8_t more;
    int64_t got = stream_some(s, &more, 1, error);
    if (got < 0) return false;
    if (got > 0) {
        *error = io_error(s->path, "goes on after its last value, at byte %lld; expected its end", (long long)(s->given - 1));
        return false;
    }
    if (s->extent.has_crc && s->crc != s->extent.crc) {
        *error = io_error(s->path, "is damaged: the check sum of its unpacked data is %08x, expected %08x", s->crc, s->extent.crc);
        return false;
    }
    return true;
}

char *stream_rest(Stream *s, size_t *length, char **error) {
    *error = NULL;
    size_t room = (s->inflating ? (size_t)4 << 16 : (size_t)(s->extent.length - s->taken)) + 2;
    size_t used = 0;
    char *text = malloc(room);
    while (text) {
        int64_t got = stream_some(s, text + used, room - 1 - used, error);
        if (got < 0) { free(text); return NULL; }
        used += (size_t)got;
        if (used < room - 1) {
            text[used] = 0;
            *length = used;
            return text;
        }
        char *larger = room < SIZE_MAX / 2 ? realloc(text, room *= 2) : NULL;
        if (!larger) free(text);
        text = larger;
    }
    *error = io_no_memory(s->path);
    return NULL;
}
