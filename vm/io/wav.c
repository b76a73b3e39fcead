/* wav.c: sound in RIFF WAVE files: whole numbers of 8, 16, 24 or 32 bits, as -1..1, and reals of 32 or 64 bits as they are.  The arrays are
 * "sound", [frames] or [frames, channels], and "rate", frames a second. */
#include <stdlib.h>
#include <string.h>
#include "vm/io/inside.h"

typedef struct Format { unsigned code, channels, rate, bits; } Format;

static unsigned u16(const uint8_t *p) { return (unsigned)p[0] | (unsigned)p[1] << 8; }
static uint32_t u32(const uint8_t *p) { return u16(p) | (uint32_t)u16(p + 2) << 16; }

/* The format chunk: n bytes. */
static char *read_format(Stream *s, uint32_t n, Format *format) {
    uint8_t b[40] = {0};
    char *error = NULL;
    if (n < 16) return io_error(stream_path(s), "has a format chunk of %u bytes; expected at least 16", n);
    uint32_t part = n < sizeof b ? n : (uint32_t)sizeof b;
    if (!stream_read(s, b, part, "the format chunk", &error) || !stream_skip(s, (int64_t)(n - part + (n & 1)), "the format chunk", &error)) return error;
    *format = (Format){ u16(b), u16(b + 2), u32(b + 4), u16(b + 14) };
    if (format->code == 0xfffe && n >= 40) format->code = u16(b + 24);      /* extensible: the kind stands further on */
    return NULL;
}

static char *element_of(const char *path, const Format *f, Element *element, double *scale) {
    static const struct { unsigned code, bits; Element element; double scale; } kinds[] = {
        { 1, 8, ELEMENT_O8, 1.0 / 128 }, { 1, 16, ELEMENT_I16, 1.0 / 32768 }, { 1, 24, ELEMENT_I24, 1.0 / 8388608 }, { 1, 32, ELEMENT_I32, 1.0 / 2147483648.0 },
        { 3, 32, ELEMENT_F32, 1 }, { 3, 64, ELEMENT_F64, 1 },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].code != f->code || kinds[i].bits != f->bits) continue;
        *element = kinds[i].element;
        *scale = kinds[i].scale;
        return NULL;
    }
    return io_error(path, "holds sound of kind %u with %u bits; expected whole numbers (1) of 8, 16, 24 or 32 bits or reals (3) of 32 or 64", f->code, f->bits);
}

static char *add_sound(DataFile *file, Stream *s, const Format *f, uint32_t bytes) {
    Stored stored = { .extent = *stream_extent(s), .skip = stream_position(s) };
    double scale = 1;
    char *error = element_of(file->path, f, &stored.element, &scale);
    if (error) return error;
    if (!f->channels || !f->rate) return io_error(file->path, "announces %u channels at a rate of %u; expected at least one of each", f->channels, f->rate);
    int64_t frame = (int64_t)element_bytes(stored.element) * f->channels, left = stream_most(s) - stored.skip;
    if (bytes == 0 || bytes % frame) return io_error(file->path, "has a data chunk of %u bytes; expected frames of %lld bytes", bytes, (long long)frame);
    if (bytes > left) return io_error(file->path, "is cut off: expected %u bytes of sound from byte %lld on, found at most %lld", bytes, (long long)stored.skip, (long long)left);
    const int64_t dims[2] = { bytes / frame, f->channels };
    if (stored.extent.packing == PACKING_PLAIN) stored.extent.length = stored.skip + bytes, stored.extent.unpacked = stored.extent.length;
    if (!file_add(file, "sound", f->channels > 1 ? 2 : 1, dims, scale, &stored)) return io_no_memory(file->path);
    double *rate = malloc(sizeof *rate);
    Stored number = { .element = ELEMENT_F64, .values = rate };
    if (rate) *rate = f->rate;
    if (rate && file_add(file, "rate", 0, dims, 1, &number)) return NULL;
    free(rate);
    return io_no_memory(file->path);
}

static char *read_chunks(DataFile *file, Stream *s) {
    uint8_t head[12];
    char *error = NULL;
    Format format = {0};
    if (!stream_read(s, head, 12, "the RIFF header", &error)) return error;
    if (memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WAVE", 4) != 0) return io_error(file->path, "is not a wav file: expected RIFF at byte 0 and WAVE at byte 8");
    for (;;) {
        if (!stream_read(s, head, 8, "a chunk's header", &error)) return error;
        uint32_t n = u32(head + 4);
        if (memcmp(head, "data", 4) == 0) {
            if (format.channels || format.code) return add_sound(file, s, &format, n);
            return io_error(file->path, "has its data before its format, at byte %lld", (long long)stream_position(s) - 8);
        }
        if (memcmp(head, "fmt ", 4) == 0) error = read_format(s, n, &format);
        else stream_skip(s, (int64_t)n + (n & 1), "a chunk", &error);
        if (error) return error;
    }
}

char *wav_open(DataFile *file) {
    char *error = NULL;
    Stream *s = stream_open(file->path, NULL, &error);
    if (!s) return error;
    error = read_chunks(file, s);
    stream_close(s);
    return error;
}
