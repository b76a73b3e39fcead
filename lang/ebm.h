/* ebm.h: the one public header of libebm: reads .ebm texts, runs them, and tells what happens through one callback.
 *
 *     Ebm *ebm = ebm_open(&(EbmSettings){ .hear = my_listener });
 *     if (ebm_add_file(ebm, "moons.ebm")) ebm_run(ebm);
 *     ebm_report(ebm, stderr, false);                   // what was wrong, if anything was
 *     EbmStatus status = ebm_status(ebm);
 *     ebm_close(ebm);
 *
 * Nothing here prints or exits but where a FILE is given.  An Ebm is for one thread at a time, but for ebm_stop.  All strings are UTF-8;
 * those that are passed in are copied; those in an event live until the listener returns. */
#ifndef EBM_H
#define EBM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define EBM_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* How it went; the values are the exit statuses of the program. */
typedef enum EbmStatus {
    EBM_WELL = 0,               /* all well */
    EBM_CLAIM_FAILED = 1,       /* a claim does not hold */
    EBM_TEXT_WRONG = 2,         /* the text (or a setting) is wrong */
    EBM_MACHINE_WRONG = 3,      /* data, files or the machine; or a run that diverged */
    EBM_INTERRUPTED = 130       /* ebm_stop was called; the state was kept and saved */
} EbmStatus;

typedef enum EbmEventKind {
    EBM_TRAIN_BEGINS,           /* train, steps, seconds (its limit, or 0) */
    EBM_TRAIN_STEP,             /* at most ten a second: train, step, steps, seconds, rate, left; names, values: the losses */
    EBM_TRAIN_RECORD,           /* train, step; names, values: what was recorded */
    EBM_TRAIN_ENDS,             /* train, step, steps, seconds, rate; text: why it ended early, or null; names, values: the last losses */
    EBM_PRINTED,                /* text: lines, each ended by a newline */
    EBM_CLAIM,                  /* text: the claim; detail: both sides, or null; holds */
    EBM_PICTURE,                /* text: a small picture of what was shown, as lines of UTF-8 blocks */
    EBM_WROTE,                  /* text: path of a file that was written */
    EBM_NOTE                    /* text: something to know, one line */
} EbmEventKind;

typedef struct EbmEvent {
    EbmEventKind kind;
    const char *train;          /* the train's name */
    int64_t step, steps;        /* steps done; steps in all, 0 if only time limits the run */
    double seconds;             /* since the train began */
    double rate;                /* steps a second, of late */
    double left;                /* seconds left by that rate */
    int n;                      /* names and values */
    const char *const *names;
    const double *values;
    const char *text, *detail;
    bool holds;
} EbmEvent;

typedef struct EbmSettings {
    int n_sets;                 /* values for options of the text: --set */
    const char *const *set_names;
    const double *set_values;
    bool has_seed;              /* seed: instead of the text's own */
    uint64_t seed;
    bool double_precision;      /* all values in double precision, whatever the text says */
    bool quick;                 /* few steps: to see that everything runs */
    int threads;                /* 0: one for each processor; results do not depend on it */
    bool blas;                  /* matrix products by OpenBLAS; results then depend on it and on the processor */
    bool profile;               /* tell where the time of a run went, and write it to profile.tsv and profile.folded */
    const char *data_dir;       /* where data files are found; null: beside the text, then the system's data sets */
    const char *out_dir;        /* where files are written, and nowhere else; null: the current directory */
    const char *stdlib_dir;     /* the library's texts instead of those built in; null: built in */
    void (*hear)(void *context, const EbmEvent *event);  /* may be null */
    void *context;
} EbmSettings;

typedef struct Ebm Ebm;

/* Opens a session; null when out of memory.  Nothing is read yet. */
Ebm *ebm_open(const EbmSettings *settings);
void ebm_close(Ebm *ebm);

/* Adds a text to the program: a whole file, or what was typed at a prompt.  A definition made earlier may be made again: what depends on
 * it is computed anew, all else is kept.  False if there is a mistake in it (see ebm_report): then nothing was added. */
bool ebm_add(Ebm *ebm, const char *name, const char *text, size_t length);
/* The same for a file: a text, or a saved model, whose own text is read, with its seed and options. */
bool ebm_add_file(Ebm *ebm, const char *path);
/* An expression alone, or several, is printed; used at a prompt, where that is what an expression means. */
bool ebm_add_prompt(Ebm *ebm, const char *text, size_t length);

/* The same for a state that a run left (Ctrl-C, `checkpoint every`): the run that follows goes on from it, with the same bits as if it had not
 * been ended.  False if it is none. */
bool ebm_resume(Ebm *ebm, const char *path);

/* Gives an option of the text a value; what depends on it is computed anew.  False if that makes a mistake. */
bool ebm_set(Ebm *ebm, const char *name, double value);
/* Does what the text says and was not done yet: trains, claims, print, show, save. */
EbmStatus ebm_run(Ebm *ebm);
/* Leaves undone what was added so far; a train left so runs when a value of it is needed. */
void ebm_leave(Ebm *ebm);
/* All commands from the first on, done or not; trains that ran are not run again. */
EbmStatus ebm_run_all(Ebm *ebm);
/* Ends a train after its present step, and ebm_run after that.  May be called from a signal handler or another thread. */
void ebm_stop(Ebm *ebm);
/* The worst so far of all that was added and run. */
EbmStatus ebm_status(const Ebm *ebm);
/* Writes the errors and warnings since the last report, each with its place in the text, and forgets them.  Returns how many errors. */
int ebm_report(Ebm *ebm, FILE *out, bool color);

/* What is known of a name: kind, signature, shapes, documentation.  False if there is no such name (then nothing is written). */
bool ebm_describe(Ebm *ebm, FILE *out, const char *name);
/* Shapes of every definition, counts of parameters, cost. */
void ebm_summary(Ebm *ebm, FILE *out);
/* A stage of the program's way from text to code: "core", "graph", "plan", "code".  name: only of this train or value, or null; dot: the graph
 * for graphviz.  False if there is no such stage or name. */
bool ebm_explain(Ebm *ebm, FILE *out, const char *stage, const char *name, bool dot);
/* The first stages, "tokens" and "ast", of a text that may have mistakes, which go to `errors`.  False if there are any. */
bool ebm_explain_text(FILE *out, FILE *errors, const char *stage, const char *name, const char *text, size_t length);
/* Kind and shape of an expression, without computing it.  False if there is a mistake in it. */
bool ebm_type(Ebm *ebm, FILE *out, const char *expression);
/* The texts added so far, as one text: what `:save` writes. */
void ebm_source(const Ebm *ebm, FILE *out);
/* Names that begin so, one a line, in order: for completion. */
void ebm_complete(Ebm *ebm, FILE *out, const char *prefix);

/* Whether lines (each ended by a newline) are a complete text, want more, or cannot become one. */
typedef enum EbmText { EBM_TEXT_MORE, EBM_TEXT_WHOLE, EBM_TEXT_MISTAKEN } EbmText;
EbmText ebm_text_state(const char *lines);

/* What a code such as "E0301" means, or null.  The code's title is the first line. */
bool ebm_explain_code(FILE *out, const char *code);
/* Documentation of the library: of one name, or a list of all; false if there is no such name.  stdlib_dir as in the settings. */
bool ebm_doc(FILE *out, const char *name, const char *stdlib_dir);
/* What a saved model holds.  False, with a line in out, if it cannot be read. */
bool ebm_inspect(FILE *out, const char *path);
/* Whether a saved model is a state on the way (a checkpoint, or what Ctrl-C left), from which ebm_resume goes on, and no result. */
bool ebm_is_state(const char *path);
/* Whether two saved models are of one kind: of the same train, with arrays of the same names. */
bool ebm_is_same_kind(const char *path, const char *other);
/* Compares two such models value by value, with their data and claims, and tells every difference.  True if there is none. */
bool ebm_compare(FILE *out, const char *path, const char *other);
/* The text in the one style.  False, with the errors in `errors`, if it is not a text of the language. */
bool ebm_format(FILE *out, FILE *errors, const char *name, const char *text, size_t length);
/* The name among candidates that is nearest to what was written, or null. */
const char *ebm_nearest(const char *name, const char *const *candidates, int count);

#ifdef __cplusplus
}
#endif
#endif
