/* dataset.h: the built-in functions of data, and the files behind their values. */
#ifndef EBM_DATASET_H
#define EBM_DATASET_H

#include "lang/graph/builder.h"

/* data.c: files. */
Value *read_data(Builder *b, const char *path, const Value *part, const char *sha256, Span span);
Value *read_pictures(Builder *b, const char *path, bool gray, const char *sha256, Span span);
char  *data_path(Builder *b, const char *path, const char *sha256, Span span);  /* where it is, to be freed; null after a report.  Notes it for the record of the run */
Value *file_refused(Builder *b, char *error, Span span);        /* reports an error text of vm/io, and frees it */
/* An array of numbers low..high that were made while building (taken); what they are of is said by `about`. */
Value *made_data(Builder *b, const char *about, int rank, const int64_t *dims, double *values, double low, double high, Span span);
void   keep_bytes(Builder *b, char *bytes);                     /* freed with the builder */
Value *data_classes(Builder *b, Value *v, double n, Span span);

/* dataset.c, texts.c: built-in functions. */
const char *string_argument(Builder *b, const CallArgs *args, const char *name, int at, const char *usage);    /* null after a report */
bool   digest_argument(Builder *b, const CallArgs *args, const char **sha256);
Value *call_read(Builder *b, Scope *s, const CallArgs *args);
Value *call_table_file(Builder *b, Scope *s, const CallArgs *args);
Value *call_classes(Builder *b, Scope *s, const CallArgs *args);
Value *call_dataset(Builder *b, Scope *s, const CallArgs *args);
Value *call_split(Builder *b, Scope *s, const CallArgs *args);
Value *call_lines(Builder *b, Scope *s, const CallArgs *args);
Value *call_text(Builder *b, Scope *s, const CallArgs *args);
Value *call_split_columns(Builder *b, Scope *s, const CallArgs *args);
Value *call_chars(Builder *b, Scope *s, const CallArgs *args);
Value *call_labels(Builder *b, Scope *s, const CallArgs *args);
Value *call_pieces(Builder *b, Scope *s, const CallArgs *args);
Value *call_pictures(Builder *b, Scope *s, const CallArgs *args);
Value *call_load(Builder *b, Scope *s, const CallArgs *args);            /* use.c */
Value *call_shuffled(Builder *b, Scope *s, const CallArgs *args);        /* data.c */
Value *call_numbers(Builder *b, Scope *s, const CallArgs *args);

#endif
