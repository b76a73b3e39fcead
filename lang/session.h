/* session.h: runs a Script: fills slots when they are needed, trains, and acts on commands in text order.
 *
 * The session owns the machine, the claims' results and the list of files written; the script and its store are the caller's and must
 * outlive it.  The script may grow between runs (a prompt adds to it). */
#ifndef EBM_SESSION_H
#define EBM_SESSION_H

#include <signal.h>
#include "lang/ebm.h"
#include "lang/graph/script.h"

typedef struct Session Session;

typedef struct SessionOptions {
    int threads;                /* 0: one for each processor */
    bool blas;                  /* products by OpenBLAS */
    const char *out_dir;        /* null: the current directory */
    bool profile;               /* tell where the time went, after each run of the script's actions */
    volatile sig_atomic_t *stop;/* set from outside to end a train after its present step */
    void (*hear)(void *context, const EbmEvent *event);  /* may be null */
    void *context;
} SessionOptions;

/* diagnostics: where errors of the run go; lives as long as the session. */
Session  *session_new(Script *script, const SessionOptions *options, Diagnostics *diagnostics);
void      session_free(Session *session);

/* Does the actions of the script that were not done yet.  After an error the actions that are left are dropped; a failed claim is none. */
EbmStatus session_run(Session *session);
/* Fills a slot if it is not filled yet; false with a diagnostic. */
bool      session_ensure(Session *session, uint32_t slot);

/* The program's name and text, for saved models; both live until they are set anew. */
void      session_set_source(Session *session, const char *name, const char *text);
/* Has all actions before it again, with no claim judged yet. */
void      session_rewind(Session *session);
/* Leaves undone all commands and trains so far but those of this text; null: all of them.  A train left undone runs when a value of it is needed. */
void      session_leave_to(Session *session, const Source *fresh);
/* Fills the cells, curves and place of a train from a saved state: it goes on from there, and the trains that were done stay done.  False
 * with a diagnostic if the file holds no state of this program. */
bool      session_resume(Session *session, const char *path);
/* Takes over what an earlier session computed for the same definitions of an earlier text (same names, equations, draws and, for
 * trains, all of these): values of slots, trained cells and curves.  Nothing is taken where seed or precision differ. */
void      session_take_over(Session *session, Session *earlier);

#endif
