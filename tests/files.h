/* files.h: what the tests of data files share.  `state` is cmocka's; each test has a scratch folder of its own. */
#ifndef EBM_TESTS_FILES_H
#define EBM_TESTS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "vm/io/data.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int set_up(void **state);
int tear_down(void **state);

/* Paths in the scratch folder; each call overwrites the one before. */
const char *in_scratch(void **state, const char *name);
const char *put(void **state, const char *name, const void *bytes, size_t n);
const char *file_of_text(void **state, const char *name, const char *text);
const char *put_gzip(void **state, const char *name, const void *bytes, size_t n);
uint8_t    *get(const char *path, size_t *n);           /* to be freed */

char *open_and_read(const char *path);                  /* all arrays; the first error, to be freed, or null */
void  expect_refusal(const char *path, const char *reason);
void  expect_array(const char *path, int i, const char *name, int rank, const int64_t *dims, const double *values);
void  batter(void **state, const char *name, bool strict);

#define NPY(kind, order, shape) "{'descr': '" kind "', 'fortran_order': " order ", 'shape': " shape ", }   \n"
/* An npy file's bytes: version, header text as given, values. */
size_t make_npy(uint8_t *out, int version, const char *header, const void *values, size_t n);

#endif
