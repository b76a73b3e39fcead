/* folder.c: folders of pictures.  Names are taken in the order of their bytes, whatever the locale. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "vm/io/inside.h"
#include "vm/io/picture.h"

void folder_close(Folder *folder) {
    for (int64_t i = 0; i < folder->n; i++) free(folder->paths[i]);
    free(folder->paths);
    free(folder->classes);
    *folder = (Folder){0};
}

/* Names of a folder's entries, sorted. */
typedef struct Names { char **at; int n; } Names;

static void names_free(Names *names) {
    for (int i = 0; i < names->n; i++) free(names->at[i]);
    free(names->at);
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Whether an entry is wanted: a subfolder, or a file that is named as a picture. */
static bool is_wanted(const char *path, const char *name, bool folders) {
    struct stat about;
    char *whole = NULL;
    if (name[0] == '.' || asprintf(&whole, "%s/%s", path, name) < 0) return false;
    bool found = stat(whole, &about) == 0;
    free(whole);
    return found && (folders ? S_ISDIR(about.st_mode) : S_ISREG(about.st_mode) && picture_named(name));
}

static char *list(const char *path, bool folders, Names *names) {
    *names = (Names){0};
    DIR *dir = opendir(path);
    if (!dir) return io_error(path, "cannot be read: %s", strerror(errno));
    char *error = NULL;
    for (struct dirent *entry; !error && (entry = readdir(dir)); ) {
        if (!is_wanted(path, entry->d_name, folders)) continue;
        char **more = realloc(names->at, sizeof *more * (size_t)(names->n + 1));
        if (more) names->at = more;
        if (!more || !(more[names->n] = strdup(entry->d_name))) error = io_no_memory(path);
        else names->n++;
    }
    closedir(dir);
    if (names->n) qsort(names->at, (size_t)names->n, sizeof *names->at, by_bytes);
    return error;
}

/* Adds the pictures of one folder; class -1: there are no classes. */
static char *add_pictures(Folder *folder, const char *path, int class) {
    Names names;
    char *error = list(path, false, &names);
    int64_t all = folder->n + names.n;
    char **paths = error ? NULL : realloc(folder->paths, sizeof *paths * (size_t)(all + 1));
    if (paths) folder->paths = paths;
    int *classes = class >= 0 && paths ? realloc(folder->classes, sizeof *classes * (size_t)(all + 1)) : NULL;
    if (classes) folder->classes = classes;
    if (!error && (!paths || (class >= 0 && !classes))) error = io_no_memory(path);
    for (int i = 0; i < names.n && !error; i++) {
        if (asprintf(&paths[folder->n], "%s/%s", path, names.at[i]) < 0) { error = io_no_memory(path); break; }
        if (class >= 0) classes[folder->n] = class;
        folder->n++;
    }
    if (!error && class >= 0 && names.n == 0) error = io_error(path, "holds no pictures; expected files that end in .png, .jpg or .jpeg");
    names_free(&names);
    return error;
}

/* All pictures have the size of the first; they are in color if one is. */
static char *look_at_all(Folder *folder, bool gray) {
    for (int64_t i = 0; i < folder->n; i++) {
        Picture is;
        char *error = picture_look(folder->paths[i], &is);
        if (error) return error;
        if (i == 0) folder->picture = is;
        if (is.height != folder->picture.height || is.width != folder->picture.width)
            return io_error(folder->paths[i], "has %d x %d pixels; expected %d x %d, as %s", is.width, is.height, folder->picture.width, folder->picture.height, folder->paths[0]);
        if (is.channels > folder->picture.channels) folder->picture.channels = is.channels;
    }
    if (gray) folder->picture.channels = 1;
    return NULL;
}

char *folder_list(const char *path, Folder *folder) {
    *folder = (Folder){0};
    Names subfolders;
    char *error = list(path, true, &subfolders);
    for (int i = 0; i < subfolders.n && !error; i++) {
        char *inner = NULL;
        if (asprintf(&inner, "%s/%s", path, subfolders.at[i]) < 0) { error = io_no_memory(path); break; }
        error = add_pictures(folder, inner, i);
        free(inner);
    }
    folder->n_classes = subfolders.n;
    names_free(&subfolders);
    if (!error && !folder->n_classes) error = add_pictures(folder, path, -1);
    if (!error && !folder->n) error = io_error(path, "holds no pictures; expected files that end in .png, .jpg or .jpeg, or folders of them");
    if (error) folder_close(folder);
    return error;
}

char *folder_open(const char *path, bool gray, Folder *folder) {
    char *error = folder_list(path, folder);
    if (!error && (error = look_at_all(folder, gray))) folder_close(folder);
    return error;
}

/* ---- as data ---- */

static char *add_images(DataFile *file, bool rows) {
    const Picture *p = &file->folder->picture;
    int64_t dims[4];
    int rank = 0;
    if (rows) dims[rank++] = file->folder->n;
    if (p->channels > 1) dims[rank++] = p->channels;
    dims[rank++] = p->height;
    dims[rank++] = p->width;
    Stored stored = { .element = ELEMENT_U8, .pictures = file->folder };
    return file_add(file, rows ? "image" : "", rank, dims, 1.0 / 255, &stored) ? NULL : io_no_memory(file->path);
}

static char *add_labels(DataFile *file) {
    const Folder *folder = file->folder;
    double *labels = calloc((size_t)folder->n, sizeof *labels);
    for (int64_t i = 0; labels && i < folder->n; i++) labels[i] = folder->classes[i];
    Stored stored = { .element = ELEMENT_U8, .values = labels };
    if (!labels || !file_add(file, "label", 1, &folder->n, 1, &stored)) {
        free(labels);
        return io_no_memory(file->path);
    }
    file->arrays[file->n - 1].high = folder->n_classes - 1;
    return NULL;
}

char *pictures_open(DataFile *file, bool gray) {
    if (!(file->folder = calloc(1, sizeof *file->folder))) return io_no_memory(file->path);
    char *error = folder_open(file->path, gray, file->folder);
    if (!error) error = add_images(file, true);
    if (!error && file->folder->classes) error = add_labels(file);
    return error;
}

char *picture_open(DataFile *file) {
    Folder *folder = calloc(1, sizeof *folder);
    if (!folder || !(folder->paths = calloc(1, sizeof *folder->paths)) || !(folder->paths[0] = strdup(file->path))) {
        if (folder) free(folder->paths);
        free(folder);
        return io_no_memory(file->path);
    }
    folder->n = 1;
    file->folder = folder;
    char *error = picture_look(file->path, &folder->picture);
    return error ? error : add_images(file, false);
}

char *pictures_read(const Folder *folder, const Run *run, double scale, void *out) {
    const Picture *p = &folder->picture;
    int64_t each = (int64_t)p->channels * p->height * p->width;
    uint8_t *bytes = malloc((size_t)each);
    if (!bytes) return io_no_memory(folder->paths[0]);
    char *error = NULL;
    for (int64_t done = 0; done < run->count && !error; ) {
        int64_t first = (run->before + done) % each, part = each - first < run->count - done ? each - first : run->count - done;
        error = picture_read(folder->paths[(run->before + done) / each], p, bytes);
        if (!error) put_run(run, bytes + first, (size_t)part, ELEMENT_U8, false, scale, out, (size_t)done);
        done += part;
    }
    free(bytes);
    return error;
}
