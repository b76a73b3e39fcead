/* axes.c: sets of axes.  A set is a sorted array without duplicates, so that equal sets are equal bit for bit. */
#include <assert.h>
#include "vm/base/graph.h"

Axes axes_of(Shape shape)
{
    Axes set = { 0 };
    for (int i = 0; i < shape.n; i++) set = axes_with(set, shape.at[i]);
    return set;
}

Axes axes_one(Axis a)
{
    Axes set = { .n = 1, .at = { a } };
    return set;
}

bool axes_have(const Axes *set, Axis a)
{
    for (int i = 0; i < set->n; i++)
        if (set->at[i] == a) return true;
    return false;
}

Axes axes_with(Axes set, Axis a)
{
    int i = set.n;
    if (axes_have(&set, a)) return set;
    assert(set.n < MAX_AXES);
    for (; i > 0 && set.at[i - 1] > a; i--) set.at[i] = set.at[i - 1];
    set.at[i] = a;
    set.n++;
    return set;
}

Axes axes_without(Axes set, Axis a)
{
    Axes rest = { 0 };
    for (int i = 0; i < set.n; i++)
        if (set.at[i] != a) rest.at[rest.n++] = set.at[i];
    return rest;
}

Axes axes_union(const Axes *a, const Axes *b)
{
    Axes all = { 0 };
    int i = 0, j = 0;
    while (i < a->n || j < b->n) {
        Axis next;
        if (j == b->n || (i < a->n && a->at[i] < b->at[j])) next = a->at[i++];
        else if (i == a->n || b->at[j] < a->at[i]) next = b->at[j++];
        else next = a->at[i++], j++;
        assert(all.n < MAX_AXES);
        all.at[all.n++] = next;
    }
    return all;
}

Axes axes_minus(const Axes *a, const Axes *b)
{
    Axes rest = { 0 };
    for (int i = 0; i < a->n; i++)
        if (!axes_have(b, a->at[i])) rest.at[rest.n++] = a->at[i];
    return rest;
}

Axes axes_common(const Axes *a, const Axes *b)
{
    Axes both = { 0 };
    for (int i = 0; i < a->n; i++)
        if (axes_have(b, a->at[i])) both.at[both.n++] = a->at[i];
    return both;
}

bool axes_equal(const Axes *a, const Axes *b)
{
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++)
        if (a->at[i] != b->at[i]) return false;
    return true;
}

bool axes_within(const Axes *small, const Axes *large)
{
    for (int i = 0; i < small->n; i++)
        if (!axes_have(large, small->at[i])) return false;
    return true;
}

int64_t axes_count(const Axes *set)
{
    int64_t count = 1;
    for (int i = 0; i < set->n; i++) count *= axis_size(set->at[i]);
    return count;
}
