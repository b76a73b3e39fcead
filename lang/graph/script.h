/* script.h: what a text becomes once it is checked: slots, the programs that fill them, and what to do in text order.
 * The builder (build.h) makes it; the session (lang/session.c) runs it.  Everything lives in the script's arena but the store's data. */
#ifndef EBM_SCRIPT_H
#define EBM_SCRIPT_H

#include "vm/base/diag.h"
#include "vm/base/store.h"
#include "lang/text/syntax.h"

/* How a slot gets its value at first use.  Neither: it is written by a train, or loaded (Slot.load). */
typedef struct Fill {
    bool has_program;
    Program program;            /* its one output is the slot */
    int group;                  /* filled together with the others of this number that are asked for; 0: alone */
    bool is_copy;               /* a run's cell before the run: starts as a copy of `source` */
    uint32_t source;
    Span span;                  /* where the value is defined */
} Fill;

typedef struct Period { double count; Unit unit; } Period;   /* every 500 steps, until 5 epochs (already steps), 30 s */

/* record e as name: at each due step the value slot's content becomes the next row of the curve slot. */
typedef struct Record { const char *name; uint32_t value, curve; Span span; } Record;

typedef enum PlotKind { PLOT_CONTOUR, PLOT_SCATTER, PLOT_ARROWS, PLOT_CURVE, PLOT_IMAGES, PLOT_HEAT, PLOT_TABLE } PlotKind;
typedef struct PlotLayer {
    PlotKind kind;
    const char *label;          /* as written in the text, or given by name: a curve's or a table entry's name */
    uint32_t slot;              /* contour [ny, nx]; arrows [ny, nx, 2]; scatter [n, 2]; curve [n]; images [n, h, w] or [n, c, h, w]; heat [h, w] or [n, h, w]; table: scalar or array */
    double box[4];              /* contour, arrows: x from, x to, y from, y to */
    double every;               /* curve: steps between its points; 0 if they are not steps */
} PlotLayer;

/* show, print, claim and what `every` holds: compute the program (which fills value slots), then act. */
#define TEXT_ONLY UINT32_MAX    /* in place of a value's slot: a string */

typedef enum ActionKind { ACTION_TRAIN, ACTION_CLAIM, ACTION_PRINT, ACTION_SHOW, ACTION_SAVE } ActionKind;
typedef struct Action {
    ActionKind kind;
    Span span;
    struct Train *train;        /* TRAIN */
    Program program;            /* CLAIM, PRINT, SHOW: fills the slots below; n = 0 if they are filled otherwise */
    int n_values;               /* CLAIM: 1 (true if not 0); PRINT: the values, with their texts as labels (TEXT_ONLY: the label is all) */
    uint32_t *values;
    const char **labels;
    const char *string;         /* CLAIM: the claim; SHOW, SAVE: the file or null; PRINT: null */
    /* CLAIM: where the condition is a comparison of scalars, both sides for the report: values[1], values[2] and the operator. */
    const char *comparison;     /* "<", ">=", ..; null if there are no sides */
    int n_layers;               /* SHOW: layers drawn on top of each other, image rows below each other */
    PlotLayer *layers;
    struct Train *saved;        /* SAVE of a run; null: SAVE of the values named (values, labels) */
} Action;

/* Holds while the scalar is not 0.  Where it compares two scalars they are in `sides`, for the report; `reason` is what its author says of it, or null. */
typedef struct Guard { uint32_t slot, sides[2]; const char *comparison; bool rollback; Span span; const char *text, *reason; } Guard;

typedef struct Every {
    Period period;
    int n_records, n_actions;
    Record *records;
    Action *actions;            /* SHOW, PRINT inside every */
} Every;

/* One phase: all cells are read as at its start and written at its end. */
typedef struct Phase { const char *name; Program program; } Phase;

typedef struct Train {
    const char *name;
    const char *doc;
    Span span;
    int n_phases;
    Phase *phases;              /* updates of cells, the losses and the guards.  Run one after the other each step. */
    Phase *recording;           /* the same phases with the values of all records as further outputs: run instead when a record is due */
    int64_t steps;              /* until; 0 if only a time limit was given */
    double seconds;             /* time limit; 0 if none */
    int n_losses;               /* scalar slots for the progress line: the objective first, then its named parts */
    uint32_t *losses;
    const char **loss_names;
    int n_guards; Guard *guards;
    int n_everys; Every *everys;
    Period checkpoint;          /* count 0: none */
    int n_cells;                /* parameters and states this run moves: the run's slots ("fit/f.dense1.W") */
    uint32_t *cells;
    const char **cell_names;    /* names in a saved file: "f.dense1.W" */
    bool *is_state;             /* whether the cell is a state (moments, chains), not a parameter */
    bool done;                  /* set by the session */
    int64_t recorded_at;        /* the step of the last rows of its curves; set by the session */
} Train;

typedef struct Script {
    Arena arena;
    Graph *graph;
    Store *store;
    uint64_t seed;
    int n_fills, fills_room;
    Fill *fills;                /* one for each slot of the store */
    int n_actions, actions_room;
    Action *actions;            /* in text order */
    int n_digests;              /* data files and used files read, for the record of the run */
    struct { const char *path, *digest; } *digests;
    int n_options;              /* option values as used */
    struct { const char *name; double value; const char *description; } *options;
} Script;

#endif
