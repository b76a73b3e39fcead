/* idx.c: the format of the MNIST family: a magic number (two zero bytes, the kind of values, the rank), sizes, values, all
 * big-endian; often gzipped.  Byte arrays of rank two or more are pictures and read as 0..1; byte vectors are labels and
 * read as they are. */
#include "vm/io/inside.h"

static bool idx_element(int code, Element *element) {
    switch (code) {
    case 0x08: *element = ELEMENT_U8; return true;
    case 0x09: *element = ELEMENT_I8; return true;
    case 0x0b: *element = ELEMENT_I16; return true;
    case 0x0c: *element = ELEMENT_I32; return true;
    case 0x0d: *element = ELEMENT_F32; return true;
    case 0x0e: *element = ELEMENT_F64; return true;
    default: return false;
    }
}

static char *idx_head(DataFile *file, Stream *s) {
    char *error = NULL;
    uint8_t magic[4], size[4];
    if (!stream_read(s, magic, 4, "the idx magic number", &error)) return error;
    Stored stored = { .big_endian = true };
    if (magic[0] || magic[1] || !idx_element(magic[2], &stored.element))
        return io_error(file->path, "is not an idx file: expected 00 00, then 08 to 0e, at byte 0, found %02x %02x %02x",
                        magic[0], magic[1], magic[2]);
    int rank = magic[3];
    if (rank < 1 || rank > 8) return io_error(file->path, "has %d axes at byte 3; expected 1 to 8", rank);
    int64_t dims[8], count;
    for (int i = 0; i < rank; i++) {
        if (!stream_read(s, size, 4, "the sizes of an idx file", &error)) return error;
        dims[i] = (int64_t)size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
    }
    stored.skip = stream_position(s);
    int64_t width = (int64_t)element_bytes(stored.element), most = stream_most(s) - stored.skip;
    if (!shape_count(rank, dims, &count) || count * width > most)
        return io_error(file->path, "announces more values than it can hold: its sizes end at byte %lld, and at most %lld bytes follow",
                        (long long)stored.skip, (long long)most);
    stored.extent = *stream_extent(s);
    if (stored.extent.unpacked >= 0 && count * width != most)
        return io_error(file->path, "has %lld bytes of values; expected %lld by the sizes in its header",
                        (long long)most, (long long)(count * width));
    double scale = stored.element == ELEMENT_U8 && rank > 1 ? 1.0 / 255 : 1;
    return file_add(file, "", rank, dims, scale, &stored) ? NULL : io_no_memory(file->path);
}

char *idx_open(DataFile *file) {
    char *error = NULL;
    Stream *s = stream_open(file->path, NULL, &error);
    if (!s) return error;
    error = idx_head(file, s);
    stream_close(s);
    return error;
}
