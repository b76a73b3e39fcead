/* picture.h: PNG and JPEG files as bytes, and folders of them.  Private to vm/io. */
#ifndef EBM_PICTURE_H
#define EBM_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

/* channels: 1 gray, 3 red, green, blue. */
typedef struct Picture { int channels, height, width; } Picture;

/* Whether a file's name ends as a picture's does, .png, .jpg, .jpeg, and is not a hidden one's. */
bool  picture_named(const char *path);
/* What the file's header says.  Null, or an error the caller frees. */
char *picture_look(const char *path, Picture *is);
/* All bytes as [channels, height, width] of `want`: gray is given to all three channels, or made of them with the weights of Rec. 601;
 * transparent parts are black.  The size must be that of `want`. */
char *picture_read(const char *path, const Picture *want, uint8_t *out);

/* The pictures of a folder in the order of their names; those of its subfolders, in order, where it has any, which are classes then. */
typedef struct Folder {
    int64_t n;
    char **paths;               /* owned */
    int *classes;               /* 0.. of each picture; null: there are no subfolders */
    int n_classes;
    Picture picture;            /* what all become */
} Folder;

char *folder_list(const char *path, Folder *folder);                    /* without a look at the pictures */
char *folder_open(const char *path, bool gray, Folder *folder);
void  folder_close(Folder *folder);

#endif
