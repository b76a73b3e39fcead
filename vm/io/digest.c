/* digest.c: SHA-256 of files, by nettle. */
#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vm/io/data.h"

char *data_digest(const char *path) {
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
    char *text = why ? NULL : malloc(7 + 2 * SHA256_DIGEST_SIZE + 1);
    if (!text) {
        errno = why ? why : ENOMEM;
        return NULL;
    }
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(&state, sizeof digest, digest);
    memcpy(text, "sha256:", 8);
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++) snprintf(text + 7 + 2 * i, 3, "%02x", digest[i]);
    return text;
}
