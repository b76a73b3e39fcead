/* store.h: named arrays, the only state there is.  Parameters, optimizer moments, averages, pools, chains, data sets and
 * named values are slots of one store; a snapshot, a rollback, a saved model and a resumed run are all operations on it. */
#ifndef EBM_BASE_STORE_H
#define EBM_BASE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include "vm/base/element.h"
#include "vm/base/graph.h"

typedef struct Slot {
    char *name;                 /* "f.dense1.W", "fit/f.dense1.W", "moons", .. */
    Shape shape;                /* order of the axes in host memory, row-major */
    bool is_cell;               /* moved by steps: part of snapshots */
    bool filled;                /* holds a value */
    void *data;                 /* float or double by the store's precision; owned by the store; may be null until asked for (slot_memory) */
    /* A slot whose data is read from outside on first need (a data file): fills `data`; null for others.  Returns an error text or null. */
    const char *(*load)(void *context, struct Slot *slot, Precision precision);
    void *context;              /* not owned */
    /* Asked before: may set `data` to memory that is not the store's own (a mapped file), with `give_back` to be called at its end; else leaves
     * it null, and `load` fills memory of the store. */
    const char *(*map)(void *context, struct Slot *slot, Precision precision);
    void (*give_back)(void *mapped);
    void *mapped;               /* what give_back is called with; null: data is the store's own */
    /* Instead of both, where the file's elements stay as they are: sets elements->at to memory of malloc, or to mapped memory and `mapped_elements`. */
    const char *(*load_elements)(void *context, struct Slot *slot);
    Elements *elements;         /* owned; null: the slot holds reals alone */
    void *mapped_elements;
} Slot;

typedef struct Store {
    Precision precision;
    uint32_t n, room;
    Slot *slots;                /* addresses change as slots are added: keep numbers, not pointers */
} Store;

Store   *store_new(Precision precision);
void     store_free(Store *store);
uint32_t store_add(Store *store, const char *name, Shape shape, bool is_cell);
int64_t  slot_count(const Slot *slot);                  /* values it holds */
/* Allocates (zeroed, 64-byte aligned, padded to a multiple of 64 values) if there is no memory yet; returns it.  Of a slot that holds elements these
 * are made reals, all of them. */
void    *slot_memory(Store *store, uint32_t slot);
/* The slot's elements will stay as they are stored. */
void     slot_keep_elements(Slot *slot, Element kind, double scale);
/* A filled slot's values, with its elements if it has any, become those of a slot of the same size and kind in another store. */
void     slot_copy(Store *to, uint32_t slot, const Store *from, uint32_t source);
double   slot_value(const Store *store, uint32_t slot, int64_t i);
void     slot_set(Store *store, uint32_t slot, int64_t i, double value);

/* A copy of all filled cells, taken and put back. */
typedef struct Snapshot Snapshot;
Snapshot *snapshot_take(const Store *store, Snapshot *reuse);   /* reuse may be null; its memory is used again */
void      snapshot_restore(const Snapshot *snapshot, Store *store);
void      snapshot_free(Snapshot *snapshot);

/* What one run of a graph is to compute: each value goes to a slot.  All slots are read as at the start, and written at the end. */
typedef struct Output { uint32_t slot; Node *value; } Output;
typedef struct Program {
    Graph *graph;               /* not owned */
    int n;
    Output *outputs;            /* the node's axes are the slot's, in any order */
} Program;

#endif
