/* chain.h: what the files of chain() share: the terms of an energy whose places are linked as a sequence or a tree, and the passes of messages
 * along it. */
#ifndef EBM_CHAIN_H
#define EBM_CHAIN_H

#include "lang/graph/finite.h"

/* tree.c: which places send their messages when, and through which slots.  All tables are of whole numbers. */
enum { ZERO, DUMP, TOTAL, FIRST_SLOT };     /* slots: nothing; what is sent in vain; messages of the roots; of parents, from here on */

typedef struct Tree {
    int64_t places, passes, width;
    const int64_t *parent;      /* -1: a root */
    Axis t, pass, side, slot;   /* side: places of one pass */
    Node *place, *in, *out;     /* {pass, side}: who sends; the slot with what it was told, and that of its parent */
    Node *keep;                 /* {pass, slot}: 0 where the pass empties it */
    Node *sent;                 /* {t}: when a place sends, counted from the last pass on: number of the pass from the end * width + side */
    Node *color, *above;        /* {t}: depth modulo 3, of a place and of its parent */
} Tree;

typedef struct Sequence {
    Finite f;
    Graph *g;
    Axis t, k, l;               /* places; states of a place, and of the one that it is linked to */
    Axis e;                     /* links: of a tree, the places again; of a sequence, those of its places that have a next one */
    int64_t length, states;
    const Tree *tree;           /* null: every place is linked to the next one */
    bool one_by_one;            /* whether the tree's places are to send one after the other */
    Node *base;                 /* what no state changes */
    Node *unary;                /* {t, k}: energy of state k at t */
    Node *pair;                 /* {e, k, l}: energy of k at e with l at the place it is linked to; 0 at a root.  Without e where all are alike */
    /* wide: terms reach over three places */
    bool wide;
    Axis m, far_e, pairs_k, pairs_l;    /* states of the place after the next; places that have one; pairs of states */
    Node *far;                  /* {far_e, k, l}: of k with l at the place after the next */
    Node *triple;               /* {far_e, k, l, m}: of three in a row; null: none */
} Sequence;

/* Numbers of states, one for each place {t}; luck {t}: uniform draws. */

/* sequence.c */
Node *sequence_free(Sequence *s, Loop *around);                 /* -log of the sum of exp(-energy), without the base */
Node *sequence_best(Sequence *s, Loop *around);
Node *sequence_drawn(Sequence *s, Loop *around, Node *luck);
/* The number of states whose running sum of probabilities exp(-energy) u is beyond. */
Node *drawn_state(Sequence *s, Node *energy, Node *u);

/* States of all places from the last one's, and those kept of the others, last first, along `axis`. */
Node *states_in_order(Sequence *s, Node *last, Node *kept, Axis axis);

/* several.c: those of the lowest energies, in order, along `rank`. */
Node *sequence_several(Sequence *s, Loop *around, Axis rank);
/* The lowest ways, in order along `rank`: their energies (no_way or more: there is none), and of each which list it is from, and its place there. */
typedef struct Ways { Node *energy, *from, *rank; } Ways;
static const double no_way = 1e30;
/* Merges the lists along `over`, {over, rank}, to each of whose ways `more` is added, which may have further axes; null: nothing. */
Ways merge_ways(Graph *g, Loop *around, Axis rank, Axis over, Node *lists, Node *more);
Node *ways_or_first(Graph *g, Axis rank, Node *energy, Node *states);   /* where there are fewer ways than wanted, the first is repeated */

/* several_tree.c: the same along a tree. */
Node *tree_several(Sequence *s, Loop *around, Axis rank);

/* wide.c: terms over three places.  Sets pair, far and triple. */
enum { MOST_WIDE_STATES = 8 };
void  wide_terms(Sequence *s, Node *slope);
/* The same as a sequence of pairs of neighbors; agree: pairs that do not agree never follow each other (else they count for nothing). */
Sequence wide_pairs(Sequence *s, bool agree);
Node *wide_states(Sequence *s, Node *pairs);            /* from numbers of pairs, those of states */
Node *wide_luck(Sequence *s, Node *luck);

/* tree.c: the links, of which none goes from a place to itself, as a tree (or several); null if places are linked in a ring.  one_by_one: each pass is
 * that of one place. */
const Tree *tree_of(Builder *b, const Links *links, Axis t, int64_t states, bool one_by_one);
int64_t tree_parent(const Tree *tree, int64_t place);           /* the one that a place is linked to; -1: it is a root */
/* The distance of each place from its root, modulo 3, and that of the place it is linked to: {t}. */
Node *tree_color(const Tree *tree, bool linked);
Node *tree_free(Sequence *s, Loop *around);
Node *tree_best(Sequence *s, Loop *around);
Node *tree_drawn(Sequence *s, Loop *around, Node *luck);

#endif
