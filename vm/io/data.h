/* data.h: data files.  Opening reads what is needed to know the shape; reading fills an array.  Nothing below trusts a file: sizes
 * are checked against its length, and every refusal says what was expected where. */
#ifndef EBM_DATA_H
#define EBM_DATA_H

#include <stdbool.h>
#include <stdint.h>
#include "vm/base/store.h"

/* One array of a file. */
typedef struct DataArray {
    char *name;                 /* column or tensor name; "" where a format has none */
    int rank;
    int64_t dims[8];
    double scale;               /* what stored values are multiplied by when read (idx images of bytes: 1/255; else 1) */
    bool whole;                 /* stored as whole numbers */
    double low, high;           /* their range if whole and known without reading all (bytes: 0..255); else 0, 0 */
    const char *const *texts;   /* a column of texts instead: dims[0] of them, in UTF-8 */
} DataArray;

typedef struct DataFile DataFile;

/* By the name's ending and the first bytes: .npy, .npz, .csv, .tsv, idx (also gzipped), .safetensors, .wav, .png, .jpg.  Null with *error (to be freed by the caller). */
DataFile *data_open(const char *path, char **error);
/* A folder of PNG and JPEG files of one size as the array "image", [n, height, width] or [n, 3, height, width] in 0..1, in the order of their
 * names; of its subfolders' files, with the array "label", if it has any.  gray: colors become gray. */
DataFile *data_open_folder(const char *path, bool gray, char **error);
/* Values that were made of a file's content, as one array of whole numbers low..high; takes `values`, also when it fails (null: out of memory). */
DataFile *data_of_values(const char *path, int rank, const int64_t *dims, double *values, double low, double high);
void      data_close(DataFile *file);
int       data_arrays(const DataFile *file);
const DataArray *data_array(const DataFile *file, int i);
/* Fills `out` (count of dims values, float or double) with array i, scaled.  Null, or an error the caller frees. */
char     *data_read(DataFile *file, int i, void *out, Precision precision);
/* The same for `rows` rows (places along the first axis) from row `from` on. */
char     *data_read_rows(DataFile *file, int i, int64_t from, int64_t rows, void *out, Precision precision);
/* Whether array i stays in memory as it is stored (element_stays), and as what. */
bool      data_stays(const DataFile *file, int i, Precision precision, Element *kind, double *scale);
/* Fills `out` with the elements of these rows as they are stored, in the machine's byte order; of an array that stays. */
char     *data_read_elements(DataFile *file, int i, int64_t from, int64_t rows, void *out);
/* The same rows as memory that is not of the process: where they would take over a quarter of `memory` (bytes; 0: what the machine and the limits
 * of the process leave), and from 64 MB on where the file holds them as they are computed with.  data null: it is not worth it, read them.  Readable
 * up to 512 bytes behind the last value.  reals: of this precision; null: elements as they are stored, of an array that stays.  What is converted for it is kept with the file, which must then live longer. */
typedef struct DataMap { void *data, *base; size_t bytes; } DataMap;
char     *data_map(DataFile *file, int i, int64_t from, int64_t rows, const Precision *reals, uint64_t memory, DataMap *map);
void      data_unmap(DataMap *map);
/* "sha256:" and 64 hex digits of the file's bytes, to be freed; null with errno if it cannot be read.  Of a folder of pictures: of a text with a line for
 * each, its digest, a space, its path in the folder. */
char     *data_digest(const char *path);

/* A safetensors file: metadata pairs and arrays; written whole and renamed into place, byte for byte the same for the same content. */
typedef struct SavedArray { const char *name; int rank; int64_t dims[8]; const void *data; } SavedArray;
char     *safetensors_write(const char *path, const char *const *keys, const char *const *texts, int n_texts,
                            const SavedArray *arrays, int n_arrays, Precision precision);
/* The metadata value of a key, to be freed; null if the file has none or cannot be read. */
char     *safetensors_text(const char *path, const char *key);
bool      npy_write(const char *path, const SavedArray *array, Precision precision);

#endif
