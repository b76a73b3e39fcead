/* store.c: named arrays, the only state there is, and snapshots of the part that steps move. */
#include "vm/base/store.h"
#include "vm/base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PADDING = 64 };          /* values */

Store *store_new(Precision precision)
{
    Store *store = calloc(1, sizeof *store);
    if (store) store->precision = precision;
    return store;
}

void store_free(Store *store)
{
    if (!store) return;
    for (uint32_t i = 0; i < store->n; i++) {
        Slot *slot = &store->slots[i];
        free(slot->name);
        if (slot->mapped) slot->give_back(slot->mapped);
        else free(slot->data);
        if (slot->mapped_elements) slot->give_back(slot->mapped_elements);
        else if (slot->elements) free((void *)(uintptr_t)slot->elements->at);
        free(slot->elements);
    }
    free(store->slots);
    free(store);
}

/* Out of memory ends the process, as it does in an arena: there is no slot to return. */
uint32_t store_add(Store *store, const char *name, Shape shape, bool is_cell)
{
    if (store->n == store->room) {
        uint32_t room = store->room ? 2 * store->room : 32;
        Slot *slots = realloc(store->slots, room * sizeof *slots);
        if (!slots) abort();
        store->slots = slots;
        store->room = room;
    }
    char *copy = strdup(name);
    if (!copy) abort();
    store->slots[store->n] = (Slot){ .name = copy, .shape = shape, .is_cell = is_cell };
    return store->n++;
}

int64_t slot_count(const Slot *slot)
{
    int64_t count = 1;
    for (int i = 0; i < slot->shape.n; i++) count *= axis_size(slot->shape.at[i]);
    return count;
}

static size_t padded_bytes(const Store *store, const Slot *slot)
{
    size_t values = ((size_t)slot_count(slot) + PADDING - 1) / PADDING * PADDING;
    return (values ? values : PADDING) * precision_bytes(store->precision);
}

/* What is too large for memory is mapped, if that can be. */
static void make_reals(Store *store, Slot *slot)
{
    if (slot->map && !slot->map(slot->context, slot, store->precision) && slot->data) return;
    size_t bytes = padded_bytes(store, slot);
    slot->data = array_memory(bytes);
    if (!slot->data) abort();
    const Elements *e = slot->elements;
    element_convert(e->at, (size_t)slot_count(slot), e->kind, false, e->scale, slot->data, 0, store->precision);
}

void *slot_memory(Store *store, uint32_t number)
{
    Slot *slot = &store->slots[number];
    if (!slot->data && slot->elements && slot->elements->at) make_reals(store, slot);
    if (!slot->data) {
        slot->data = array_zeros(padded_bytes(store, slot));
        if (!slot->data) abort();
    }
    return slot->data;
}

void slot_keep_elements(Slot *slot, Element kind, double scale)
{
    slot->elements = malloc(sizeof *slot->elements);
    if (!slot->elements) abort();
    elements_begin(slot->elements, kind, scale);
}

void slot_copy(Store *to, uint32_t number, const Store *from, uint32_t source)
{
    Slot *slot = &to->slots[number];
    const Slot *old = &from->slots[source];
    size_t count = (size_t)slot_count(old);
    if (old->elements && old->elements->at) {
        size_t bytes = count * element_bytes(old->elements->kind);
        void *at = malloc(bytes + 1);
        if (!at) abort();
        memcpy(at, old->elements->at, bytes);
        slot->elements->at = at;
    } else {
        memcpy(slot_memory(to, number), old->data, count * precision_bytes(from->precision));
    }
    slot->filled = true;
}

double slot_value(const Store *store, uint32_t number, int64_t i)
{
    const Slot *slot = &store->slots[number];
    if (!slot->data && slot->elements && slot->elements->at) {
        double value = elements_value(slot->elements, i);
        return store->precision == PRECISION_F64 ? value : (double)(float)value;
    }
    if (!slot->data) return NAN;
    return store->precision == PRECISION_F64 ? ((const double *)slot->data)[i] : (double)((const float *)slot->data)[i];
}

void slot_set(Store *store, uint32_t number, int64_t i, double value)
{
    void *data = slot_memory(store, number);
    if (store->precision == PRECISION_F64) ((double *)data)[i] = value;
    else ((float *)data)[i] = (float)value;
}

/* The cells' values one after the other, each at its own offset. */
struct Snapshot {
    uint32_t n, room;
    struct Saved { uint32_t slot; size_t offset, bytes; } *saved;
    char *bytes;
    size_t room_bytes;
};

/* Lists the filled cells and where each goes; returns the bytes they need. */
static size_t list_cells(Snapshot *snapshot, const Store *store)
{
    size_t total = 0;
    snapshot->n = 0;
    for (uint32_t i = 0; i < store->n; i++) {
        const Slot *slot = &store->slots[i];
        if (!slot->is_cell || !slot->filled || !slot->data) continue;
        size_t bytes = padded_bytes(store, slot);
        snapshot->saved[snapshot->n++] = (struct Saved){ i, total, bytes };
        total += bytes;
    }
    return total;
}

Snapshot *snapshot_take(const Store *store, Snapshot *snapshot)
{
    if (!snapshot) snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot) abort();
    if (snapshot->room < store->n) {
        struct Saved *saved = realloc(snapshot->saved, store->n * sizeof *saved);
        if (!saved) abort();
        snapshot->saved = saved;
        snapshot->room = store->n;
    }
    size_t bytes = list_cells(snapshot, store);
    if (snapshot->room_bytes < bytes) {
        char *memory = realloc(snapshot->bytes, bytes);
        if (!memory) abort();
        snapshot->bytes = memory;
        snapshot->room_bytes = bytes;
    }
    for (uint32_t i = 0; i < snapshot->n; i++) {
        const struct Saved *s = &snapshot->saved[i];
        memcpy(snapshot->bytes + s->offset, store->slots[s->slot].data, s->bytes);
    }
    return snapshot;
}

void snapshot_restore(const Snapshot *snapshot, Store *store)
{
    for (uint32_t i = 0; i < snapshot->n; i++) {
        const struct Saved *s = &snapshot->saved[i];
        memcpy(slot_memory(store, s->slot), snapshot->bytes + s->offset, s->bytes);
        store->slots[s->slot].filled = true;
    }
}

void snapshot_free(Snapshot *snapshot)
{
    if (!snapshot) return;
    free(snapshot->saved);
    free(snapshot->bytes);
    free(snapshot);
}
