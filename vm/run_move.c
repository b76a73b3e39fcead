/* run_move.c: values filled in, copied, summed into places, fetched from and sent to computed places. */
#include "vm/inside.h"

#include <math.h>
#include <string.h>

/* The last dim is the inner loop; a nest without dims has one place. */
typedef struct Inner { Walk walk; int64_t n; int64_t stride[4]; } Inner;

static void inner_begin(Inner *in, const Frame *frame, const Instr *instr)
{
    int inner = instr->n_dims > 0;
    walk_begin_at(&in->walk, frame, instr, inner);
    in->n = inner ? in->walk.dim[in->walk.outer] : 1;
    for (int r = 0; r < instr->n_refs && r < 4; r++) in->stride[r] = inner ? instr->ref[r].stride[in->walk.outer] : 0;
}

void run_fill(Frame *frame, const Instr *instr)
{
    Inner in;
    inner_begin(&in, frame, instr);
    int64_t step = in.stride[0];
    do {
        if (step == 1 && instr->value == 0 && !signbit(instr->value)) {
            memset(walk_pointer(&in.walk, 0), 0, (size_t)in.n * in.walk.bytes);
        } else if (in.walk.bytes == sizeof(double)) {
            double *to = walk_pointer(&in.walk, 0);
            for (int64_t i = 0; i < in.n; i++) to[i * step] = instr->value;
        } else {
            float *to = walk_pointer(&in.walk, 0), value = (float)instr->value;
            for (int64_t i = 0; i < in.n; i++) to[i * step] = value;
        }
    } while (walk_step(&in.walk));
}

void run_iota(Frame *frame, const Instr *instr)
{
    Inner in;
    inner_begin(&in, frame, instr);
    int64_t first = instr->lane >= 0 ? frame->item : 0;
    char *to = walk_pointer(&in.walk, 0);
    for (int64_t i = 0; i < in.n; i++) real_put(to + i * in.stride[0] * (int64_t)in.walk.bytes, in.walk.bytes, (double)(first + i));
}

void run_step(Frame *frame, const Instr *instr)
{
    Inner in;
    inner_begin(&in, frame, instr);
    real_put(walk_pointer(&in.walk, 0), in.walk.bytes, (double)frame->key.step);
}

/* ---- Copies and sums ---- */

/* The last two dims are inner loops: rows of n values. */
typedef struct Rows { Walk walk; int64_t rows, n, to_row, from_row, to, from; } Rows;

static void rows_begin(Rows *in, const Frame *frame, const Instr *instr)
{
    int inner = instr->n_dims < 2 ? instr->n_dims : 2, last = instr->n_dims - 1;
    walk_begin_at(&in->walk, frame, instr, inner);
    in->n = inner ? in->walk.dim[last] : 1;
    in->to = inner ? instr->ref[0].stride[last] : 0;
    in->from = inner ? instr->ref[1].stride[last] : 0;
    in->rows = inner > 1 ? in->walk.dim[last - 1] : 1;
    in->to_row = inner > 1 ? instr->ref[0].stride[last - 1] : 0;
    in->from_row = inner > 1 ? instr->ref[1].stride[last - 1] : 0;
}

static void copy_row(char *to, const char *from, const Rows *in)
{
    if (in->to == 1 && in->from == 1) {
        memmove(to, from, (size_t)in->n * in->walk.bytes);
    } else if (in->walk.bytes == sizeof(double)) {
        double *t = (double *)to;
        const double *f = (const double *)from;
        for (int64_t i = 0; i < in->n; i++) t[i * in->to] = f[i * in->from];
    } else {
        float *t = (float *)to;
        const float *f = (const float *)from;
        for (int64_t i = 0; i < in->n; i++) t[i * in->to] = f[i * in->from];
    }
}

void run_copy(Frame *frame, const Instr *instr)
{
    Rows in;
    rows_begin(&in, frame, instr);
    int64_t bytes = (int64_t)in.walk.bytes;
    bool far = instr->ref[0].far && in.to == 1 && in.from == 1 && in.n <= INT32_MAX;
    do {
        char *to = walk_pointer(&in.walk, 0);
        const char *from = walk_pointer(&in.walk, 1);
        for (int64_t r = 0; r < in.rows; r++)
            if (far) frame->kernels->stream(to + r * in.to_row * bytes, from + r * in.from_row * bytes, 1, (int)in.n, in.n, 1);
            else copy_row(to + r * in.to_row * bytes, from + r * in.from_row * bytes, &in);
    } while (walk_step(&in.walk));
    streams_end(instr, 1);
}

static void add_row(const Kernels *kernels, char *to, const char *from, const Rows *in)
{
    if (in->to == 1 && in->from == 1) {
        static const TileStep add = { .op = OP_add, .dst = 0, .a = 0, .b = 1 };
        for (int64_t i = 0; i < in->n; i += TILE) {
            int64_t at = i * (int64_t)in->walk.bytes;
            void *const reg[2] = { to + at, (void *)(uintptr_t)(from + at) };
            kernels->tile(&add, 1, reg, (int)(in->n - i < TILE ? in->n - i : TILE));
        }
    } else if (in->walk.bytes == sizeof(double)) {
        double *t = (double *)to;
        const double *f = (const double *)from;
        for (int64_t i = 0; i < in->n; i++) t[i * in->to] += f[i * in->from];
    } else {
        float *t = (float *)to;
        const float *f = (const float *)from;
        for (int64_t i = 0; i < in->n; i++) t[i * in->to] += f[i * in->from];
    }
}

void run_add(Frame *frame, const Instr *instr)
{
    Rows in;
    rows_begin(&in, frame, instr);
    int64_t bytes = (int64_t)in.walk.bytes;
    do {
        char *to = walk_pointer(&in.walk, 0);
        const char *from = walk_pointer(&in.walk, 1);
        for (int64_t r = 0; r < in.rows; r++) add_row(frame->kernels, to + r * in.to_row * bytes, from + r * in.from_row * bytes, &in);
    } while (walk_step(&in.walk));
}

/* ---- Computed places ---- */

/* The place an index names; -1, with trouble noted, if there is none. */
static int64_t named_place(Frame *frame, const Instr *instr, double index)
{
    if (index >= 0 && index < (double)instr->size) return (int64_t)index;
    trouble_note(frame, instr, TROUBLE_RANGE, index, instr->size);
    return -1;
}

typedef enum Direction { SEND, SUM } Direction;
enum { PLACES = 256 };

/* Places looked up, for a stretch of the inner loop; kept while the walk goes on and the index stays. */
typedef struct Places { int64_t at[PLACES]; uintptr_t index; int64_t n; } Places;

static bool find_places(Frame *frame, const Instr *instr, Places *places, uintptr_t index, int64_t n, int64_t stride, size_t bytes)
{
    if (places->index == index && places->n == n) return true;
    places->index = index;
    places->n = n;
    for (int64_t i = 0; i < n; i++) {
        if (i && !stride) places->at[i] = places->at[0];
        else places->at[i] = named_place(frame, instr, real_at((const char *)index + i * stride * (int64_t)bytes, bytes));
        if (places->at[i] < 0) return false;
    }
    return true;
}

#define MOVE_EACH(TYPE, ASSIGN) do { \
        TYPE *t = to; \
        const TYPE *f = from; \
        for (int64_t i = 0; i < n; i++) t[i * t_stride + place[i] * far] ASSIGN f[i * f_stride]; \
    } while (0)

static void move_each(Direction direction, size_t bytes, void *to, const void *from, const int64_t *place, int64_t n,
                      int64_t t_stride, int64_t f_stride, int64_t far)
{
    if (bytes == sizeof(double)) {
        if (direction == SUM) MOVE_EACH(double, +=);
        else MOVE_EACH(double, =);
    } else {
        if (direction == SUM) MOVE_EACH(float, +=);
        else MOVE_EACH(float, =);
    }
}

/* Result and source are refs 0 and 1, the index is ref 2, which names places in the result. */
static void run_indexed(Frame *frame, const Instr *instr, Direction direction)
{
    Inner in;
    Places places = { .index = 0 };
    inner_begin(&in, frame, instr);
    int64_t bytes = (int64_t)in.walk.bytes;
    do
        for (int64_t first = 0; first < in.n; first += PLACES) {
            int64_t n = in.n - first < PLACES ? in.n - first : PLACES;
            uintptr_t index = in.walk.at[2] + (uintptr_t)(first * in.stride[2] * bytes);
            if (!find_places(frame, instr, &places, index, n, in.stride[2], in.walk.bytes)) return;
            move_each(direction, in.walk.bytes, (char *)walk_pointer(&in.walk, 0) + first * in.stride[0] * bytes,
                      (const char *)walk_pointer(&in.walk, 1) + first * in.stride[1] * bytes, places.at, n, in.stride[0], in.stride[1], instr->along_stride);
        }
    while (walk_step(&in.walk));
}

/* The largest outer dim along which the index stays: its rows are fetched from the same places; -1: there is none. */
static int rows_of_places(const Walk *walk)
{
    int best = -1;
    for (int d = 0; d < walk->outer; d++)
        if (!walk->instr->ref[2].stride[d] && walk->dim[d] > 1 && (best < 0 || walk->dim[d] > walk->dim[best])) best = d;
    return best;
}

/* Where a gather takes its values: reals, or a slot's elements, which the walk counts by places. */
typedef struct Shelf { const Elements *elements; size_t bytes; } Shelf;

static void fetch(const Shelf *shelf, char *to, uintptr_t from, const int64_t *at, int64_t n, int64_t stride)
{
    size_t bytes = shelf->bytes;
    if (shelf->elements) elements_fetch(shelf->elements, (int64_t)from, at, n, to, stride, bytes == sizeof(double) ? PRECISION_F64 : PRECISION_F32);
    else if (bytes == sizeof(double)) for (int64_t i = 0; i < n; i++) ((double *)to)[i * stride] = ((const double *)from)[at[i]];
    else if (stride == 1) for (int64_t i = 0; i < n; i++) ((float *)to)[i] = ((const float *)from)[at[i]];
    else for (int64_t i = 0; i < n; i++) ((float *)to)[i * stride] = ((const float *)from)[at[i]];
}

/* rows times n values (rows: along dim d; 1 if there is none), those from `first` of the inner loop on, each n from the places of one line. */
static void fetch_rows(const Shelf *shelf, const Inner *in, const int64_t *place, int64_t first, int64_t n, int64_t rows, int d)
{
    const Instr *instr = in->walk.instr;
    int64_t to_row = d < 0 ? 0 : instr->ref[0].stride[d], from_row = d < 0 ? 0 : instr->ref[1].stride[d];
    char *to = (char *)walk_pointer(&in->walk, 0) + first * in->stride[0] * (int64_t)shelf->bytes;
    int64_t at[PLACES], step = shelf->elements ? 1 : (int64_t)shelf->bytes;
    for (int64_t i = 0; i < n; i++) at[i] = place[i] * instr->along_stride + (first + i) * in->stride[1];
    for (int64_t r = 0; r < rows; r++)
        fetch(shelf, to + r * to_row * (int64_t)shelf->bytes, in->walk.at[1] + (uintptr_t)(r * from_row * step), at, n, in->stride[0]);
}

void run_gather(Frame *frame, const Instr *instr)
{
    Inner in;
    Places places = { .index = 0 };
    inner_begin(&in, frame, instr);
    int32_t base = instr->ref[1].base;
    Shelf shelf = { base < BASE_NONE ? (const Elements *)frame->base[base_of_elements(base)] : NULL, in.walk.bytes };
    int d = in.n > PLACES ? -1 : rows_of_places(&in.walk);
    int64_t rows = d < 0 ? 1 : in.walk.dim[d], bytes = (int64_t)in.walk.bytes;
    if (d >= 0) in.walk.dim[d] = 1;     /* the walk goes over the other dims */
    do
        for (int64_t first = 0; first < in.n; first += PLACES) {
            int64_t n = in.n - first < PLACES ? in.n - first : PLACES;
            uintptr_t index = in.walk.at[2] + (uintptr_t)(first * in.stride[2] * bytes);
            if (!find_places(frame, instr, &places, index, n, in.stride[2], in.walk.bytes)) return;
            fetch_rows(&shelf, &in, places.at, first, n, rows, d);
        }
    while (walk_step(&in.walk));
}

void run_scatter(Frame *frame, const Instr *instr) { run_indexed(frame, instr, SUM); }
void run_put(Frame *frame, const Instr *instr) { run_indexed(frame, instr, SEND); }

void run_distinct(Frame *frame, const Instr *instr)
{
    Walk walk, inner;
    char *mark = frame->scratch;
    walk_begin_at(&walk, frame, instr, instr->sums);
    do {
        memset(mark, 0, (size_t)instr->size);
        inner = walk;
        inner.outer = instr->n_dims;
        bool more = true;
        while (more) {
            int64_t place = named_place(frame, instr, real_at(walk_pointer(&inner, 0), walk.bytes));
            if (place < 0) return;
            if (mark[place]) {
                trouble_note(frame, instr, TROUBLE_TWICE, (double)place, instr->size);
                return;
            }
            mark[place] = 1;
            more = false;
            for (int d = instr->n_dims - 1; d >= walk.outer && !more; d--) {
                int64_t step = instr->ref[0].stride[d] * (int64_t)walk.bytes;
                if (++inner.index[d] < inner.dim[d]) {
                    inner.at[0] += (uintptr_t)step;
                    more = true;
                } else {
                    inner.at[0] -= (uintptr_t)(step * (inner.dim[d] - 1));
                    inner.index[d] = 0;
                }
            }
        }
    } while (walk_step(&walk));
}
