/* digest.c: SHA-256 of files, and of folders of pictures, by nettle. */
#define _GNU_SOURCE
#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "vm/io/data.h"
#include "vm/io/picture.h"

static char *digest_text(struct sha256_ctx *state) {
    uint8_t digest[SHA256_DIGEST_SIZE];
    char *text = malloc(7 + 2 * SHA256_DIGEST_SIZE + 1);
    if (!text) return NULL;
    sha256_digest(state, sizeof digest, digest);
    memcpy(text, "sha256:", 8);
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++) snprintf(text + 7 + 2 * i, 3, "%02x", digest[i]);
    return text;
}

static char *folder_digest(const char *path) {
    Folder folder;
    struct sha256_ctx state;
    char *error = folder_list(path, &folder), *text = NULL;
    if (error) errno = ENOENT;
    free(error);
    if (error) return NULL;
    sha256_init(&state);
    bool fine = true;
    for (int64_t i = 0; i < folder.n && fine; i++) {
        char *digest = data_digest(folder.paths[i]), *line = NULL;
        int n = digest ? asprintf(&line, "%s %s\n", digest, folder.paths[i] + strlen(path) + 1) : -1;
        fine = n >= 0;
        if (fine) sha256_update(&state, (size_t)n, (const uint8_t *)line);
        free(digest);
        if (fine) free(line);
    }
    if (fine) text = digest_text(&state);
    folder_close(&folder);
    return text;
}

char *data_digest(const char *path) {
    struct stat about;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) return folder_digest(path);
    enum { PART = 1 << 16 };
    FILE *in = fopen(path, "rb");
    if (!in) return NULL;
    uint8_t *part = malloc(PART);
    struct sha256_ctx state;
    sha256_init(&state);
    for (size_t n; part && (n = fread(part, 1, PART, in)) > 0; ) sha256_update(&state, n, part);
    int why = !part ? ENOMEM : ferror(in) ? errno : 0;
    free(part);
    fclose(in);
    if (why) {
        errno = why;
        return NULL;
    }
    return digest_text(&state);
}
