/* pipeline_compare.c: whether one saved model is another: the same arrays, value by value, from the same data, with claims that came out alike. */
#define _GNU_SOURCE
#include "lang/pipeline_inside.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "vm/io/data.h"

/* ---- which file it is ---- */

bool ebm_is_state(const char *path)
{
    char *place = safetensors_text(path, "ebm.place");
    free(place);
    return place != NULL;
}

static bool same_text(const char *path, const char *other, const char *key)
{
    char *a = safetensors_text(path, key), *b = safetensors_text(other, key);
    bool same = a && b ? !strcmp(a, b) : a == b;
    free(a);
    free(b);
    return same;
}

/* Whether two files hold arrays of the same names in the same order. */
static bool same_names(const DataFile *a, const DataFile *b)
{
    if (data_arrays(a) != data_arrays(b)) return false;
    for (int i = 0; i < data_arrays(a); i++)
        if (strcmp(data_array(a, i)->name, data_array(b, i)->name) != 0) return false;
    return true;
}

bool ebm_is_same_kind(const char *path, const char *written)
{
    const char *ending = strrchr(written, '.');
    if (!ending || strcmp(ending, ".safetensors") != 0 || !same_text(path, written, "ebm.train")) return false;
    char *why = NULL;
    DataFile *a = data_open(path, &why);
    free(why);
    why = NULL;
    DataFile *b = data_open(written, &why);
    free(why);
    bool same = a && b && same_names(a, b);
    data_close(a);
    data_close(b);
    return same;
}

/* ---- data ---- */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Tells of data files that are others than they were.  Returns how many. */
static int compare_data(FILE *out, const char *path, const char *again)
{
    char *before = safetensors_text(path, "ebm.data"), *after = safetensors_text(again, "ebm.data");
    json_t *then = before ? json_loads(before, 0, NULL) : NULL, *now = after ? json_loads(after, 0, NULL) : NULL;
    int changed = 0;
    const char *name, *other;
    json_t *digest, *value;
    json_object_foreach(then, name, digest) {
        json_object_foreach(now, other, value) {
            if (strcmp(last_part(name), last_part(other)) != 0 || json_equal(digest, value)) continue;
            fprintf(out, "%s is not the file that the model was made from: %s then, %s now\n", other, json_string_value(digest), json_string_value(value));
            changed++;
        }
    }
    json_decref(then);
    json_decref(now);
    free(before);
    free(after);
    return changed;
}

/* ---- values ---- */

static int64_t array_count(const DataArray *array)
{
    int64_t count = 1;
    for (int i = 0; i < array->rank; i++) count *= array->dims[i];
    return count;
}

static double *read_array(DataFile *file, int i, FILE *out)
{
    double *values = calloc((size_t)array_count(data_array(file, i)) + 1, sizeof *values);
    char *error = values ? data_read(file, i, values, PRECISION_F64) : NULL;
    if (!error) return values;
    fprintf(out, "%s\n", error);
    free(error);
    free(values);
    return NULL;
}

static bool same_bits(double a, double b)
{
    return !memcmp(&a, &b, sizeof a) || (isnan(a) && isnan(b));
}

/* Tells of an array's first difference and the largest one.  False if there is any. */
static bool compare_array(FILE *out, DataFile *saved, DataFile *again, int i)
{
    const DataArray *array = data_array(saved, i), *other = data_array(again, i);
    if (array->rank != other->rank || memcmp(array->dims, other->dims, (size_t)array->rank * sizeof *array->dims) != 0) {
        fprintf(out, "%s has another shape\n", array->name);
        return false;
    }
    double *then = read_array(saved, i, out), *now = then ? read_array(again, i, out) : NULL;
    int64_t count = array_count(array), differ = 0, first = 0;
    double largest = 0;
    for (int64_t k = 0; now && k < count; k++) {
        if (same_bits(then[k], now[k])) continue;
        if (!differ++) first = k;
        largest = fmax(largest, fabs(then[k] - now[k]));
    }
    if (differ)
        fprintf(out, "%s: %lld of %lld values differ, by at most %.3g; the first is number %lld: %.9g saved, %.9g now\n", array->name, (long long)differ,
                (long long)count, largest, (long long)first, then[first], now[first]);
    bool same = now && !differ;
    free(then);
    free(now);
    return same;
}

static bool compare_arrays(FILE *out, const char *path, const char *again)
{
    char *error = NULL;
    DataFile *a = data_open(path, &error);
    DataFile *b = a ? data_open(again, &error) : NULL;
    if (error) fprintf(out, "%s\n", error);
    free(error);
    bool same = a && b && same_names(a, b);
    int n = same ? data_arrays(a) : 0;
    if (a && b && !same) fprintf(out, "the two hold other arrays\n");
    for (int i = 0; i < n; i++) same &= compare_array(out, a, b, i);
    if (same) fprintf(out, "%d arrays, the same bit for bit\n", n);
    data_close(a);
    data_close(b);
    return same;
}

bool ebm_compare(FILE *out, const char *path, const char *again)
{
    bool same = !compare_data(out, path, again);
    same &= compare_arrays(out, path, again);
    if (!same_text(path, again, "ebm.claims")) {
        fprintf(out, "the claims came out otherwise (`ebm inspect` shows those saved)\n");
        same = false;
    }
    char *then = safetensors_text(path, "ebm.version"), *now = safetensors_text(again, "ebm.version");
    if (!same && then && now && strcmp(then, now) != 0) fprintf(out, "the one was saved by ebm %s, the other by %s\n", then, now);
    free(then);
    free(now);
    return same;
}
