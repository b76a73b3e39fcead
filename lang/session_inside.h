/* session_inside.h: what the files of the session share; no one else includes it. */
#ifndef EBM_SESSION_INSIDE_H
#define EBM_SESSION_INSIDE_H

#include "lang/plan/plan.h"
#include "lang/session.h"
#include "vm/profile.h"
#include "vm/io/data.h"

/* The result of one claim, for the record in saved models. */
typedef struct ClaimResult { const char *text; char *detail; bool holds; } ClaimResult;

/* What the session knows of a slot beyond the store. */
typedef struct SlotState {
    Train *writer;              /* the train that writes it; null if none does */
    bool busy;                  /* being filled now */
} SlotState;

/* How far a train has come, beside its cells: what goes into a saved state. */
typedef struct RunPlace {
    int64_t step;
    uint64_t attempt;
    double seconds;             /* since it began */
    int64_t *rows;              /* of the curves of each `every` */
} RunPlace;

/* Files that are being read: see session_load.c. */
typedef struct Loads Loads;

struct Session {
    Script *script;
    SessionOptions options;
    Diagnostics *diagnostics;
    const char *source_name, *source_text;
    Machine *machine;           /* made at the first need */
    Profile *profile;           /* if asked for, with the machine */
    SlotState *slots;           /* one for each slot of the store */
    uint32_t n_slots;
    int actions_done;           /* actions before this one are done */
    int actions_left;           /* of the actions before this one, only those of `fresh` are to be done */
    const Source *fresh;
    ClaimResult *claims;
    int n_claims;
    Action *saves;              /* done, to be written again when later claims are known */
    int n_saves;
    int claims_at_save;         /* claims known when files were last written */
    Loads *loads;               /* while a train is prepared, or null */
    Train *training;            /* the train that runs now, or null */
    Train *resumed;             /* the train that goes on from a saved state, until it does; or null */
    RunPlace place;             /* where it goes on; the session owns the rows */
    bool interrupted;
    bool again;                 /* all actions are done once more: see session_rewind */
};

/* Tells the listener. */
void session_tell(Session *session, const EbmEvent *event);
void session_note(Session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Plans a program, after tidying a copy of its values; the code is the caller's.  Null with a diagnostic. */
Code *session_plan(Session *session, const Program *program);
/* Frees code, once its times are in the profile. */
void session_drop_code(Session *session, Code *code, const char *label);
/* Runs code and marks the program's outputs as filled. */
bool session_execute(Session *session, Code *code, const Program *program, RunKey key, Diagnostics *diagnostics);
/* Brings what the session knows of slots up to the script, which may have grown. */
bool session_know(Session *session);
/* session_together.c: fills a slot by its program, and with it the others of its group that the script asks for. */
bool session_fill_together(Session *session, uint32_t slot);
/* Fills a slot by its own recipe (file, copy, program), whoever may write it later: so the cells of a train begin. */
bool session_fill(Session *session, uint32_t slot);
/* Fills every slot the program reads, except those that `inside` writes itself. */
bool session_ensure_reads(Session *session, const Program *program, const Train *inside);
/* All of it: reads, plan, run.  label: what it is for, in a profile. */
bool session_compute(Session *session, const Program *program, RunKey key, const char *label);
/* Numbers of the slots a program reads, ascending; *n of them; the caller frees. */
uint32_t *program_reads(const Program *program, int *n);

/* session_load.c: a slot that a file fills.  Those that the train reads can be begun ahead; `end` waits for them, and is false with a diagnostic
 * if one could not be read. */
bool session_load(Session *session, uint32_t slot);
void session_begin_loads(Session *session, const Train *train);
bool session_end_loads(Session *session);
/* Where the value of a slot is defined. */
Span session_slot_span(const Session *session, uint32_t slot);

/* session_train.c: trains a run to its end.  False with a diagnostic; an interruption is not an error. */
bool session_train(Session *session, Train *train);
/* session_act.c: does one action but a train. */
bool session_act(Session *session, Action *action, RunKey key, const char *train, int64_t step);
/* session_save.c */
bool session_save(Session *session, const Action *action);
/* Writes arrays with what the session knows of the program.  train: whose cells they are, or null; place: as JSON, or null. */
bool session_write_model(Session *session, const char *file, Span span, const char *train, const char *place, const SavedArray *arrays, int n);
SavedArray slot_array(Store *store, uint32_t slot, const char *name);
/* session_state.c: a file from which the train can go on. */
bool session_save_state(Session *session, const Train *train, const RunPlace *place, const char *file);
/* The path of a file below the output folder, its folders made; null with a diagnostic if it would leave it.  The caller frees. */
char *session_out_path(Session *session, const char *file, Span span);
/* session_profile.c: tells and writes where the time went. */
bool session_report_profile(Session *session);
/* A value as text, as `print` shows it; the caller frees. */
char *slot_text(const Store *store, uint32_t slot, const char *label);

#endif
