/* table.c: the kernels of one build, as a table. */
#include "vm/kernel/multi/multi.h"

#define TEXT_(a, b) #a " f" #b
#define TEXT(a, b) TEXT_(a, b)

const Kernels KERNEL(kernels) = {
    .name = TEXT(BUILD, REAL_BITS),
    .bytes = sizeof(REAL),
    .tile = KERNEL(tile),
    .load = KERNEL(load),
    .store = KERNEL(store),
    .stream = KERNEL(stream),
    .fold_rows = KERNEL(fold_rows),
    .fold_line = KERNEL(fold_line),
    .arg_rows = KERNEL(arg_rows),
    .arg_line = KERNEL(arg_line),
    .product = KERNEL(product),
    .product_sum = KERNEL(product_sum),
    .product_many = KERNEL(product_many),
    .product_scratch = KERNEL(product_scratch),
    .dots = KERNEL(dots),
    .lane_dot = KERNEL(lane_dot),
    .lane_product = KERNEL(lane_product),
    .uniform = KERNEL(uniform),
    .normal = KERNEL(normal),
    .permutation = KERNEL(permutation),
    .cumsum_line = KERNEL(cumsum_line),
    .argsort_line = KERNEL(argsort_line),
    .find_nonfinite = KERNEL(find_nonfinite),
};
