/* session_train.c: one training run: its cells begin as copies, then steps follow one another until the run has had its length, a guard
 * stops it, or someone outside does.
 *
 * A snapshot of all cells is kept of the last time the guards held; a rollback restores it, with the step it was taken at, and goes
 * on with new draws (RunKey.attempt).  Ten rollbacks without a new snapshot between them end the run with an error. */
#define _GNU_SOURCE
#include "lang/session_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SNAPSHOT_STEPS = 100, ROLLBACKS_IN_A_ROW = 10, MAX_SHOWN = 64 };
static const double TELL_SECONDS = 0.1;

/* How far each `every` has come. */
typedef struct Pace { int64_t rows; double last; bool due; } Pace;

/* The run while it goes on. */
typedef struct Run {
    Session *session;
    Train *train;
    Code **phases, **recording;
    Pace *paces, *paces_at_snapshot;
    Snapshot *snapshot;
    int64_t step, snapshot_step;
    uint64_t attempt;
    int rollbacks;              /* since the last snapshot */
    double seconds_before;      /* that it ran before it was resumed */
    double last_checkpoint;     /* seconds into the run */
    double began, told, rate;
    int64_t told_step;
    char ending[300];           /* why it ended early; "" if it did not */
    bool over;
} Run;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- telling ---- */

static void tell_losses(Run *run, EbmEvent event)
{
    const Train *train = run->train;
    double values[MAX_SHOWN];
    const Store *store = run->session->script->store;
    event.n = 0;
    for (int i = 0; i < train->n_losses && i < MAX_SHOWN; i++)
        if (store->slots[train->losses[i]].filled) values[event.n++] = slot_value(store, train->losses[i], 0);
    if (event.n < train->n_losses && event.n < MAX_SHOWN) event.n = 0;
    event.names = train->loss_names;
    event.values = values;
    event.train = train->name;
    event.step = run->step;
    event.steps = train->steps;
    event.rate = run->rate;
    session_tell(run->session, &event);
}

static double seconds_left(const Run *run, double seconds)
{
    double left = INFINITY;
    if (run->train->steps && run->rate > 0) left = (double)(run->train->steps - run->step) / run->rate;
    if (run->train->seconds > 0) left = fmin(left, run->train->seconds - seconds);
    return isfinite(left) ? fmax(left, 0) : 0;
}

static void tell_step(Run *run, double time)
{
    if (time - run->told < TELL_SECONDS) return;
    double rate = (double)(run->step - run->told_step) / (time - run->told);
    run->rate = run->rate > 0 ? 0.8 * run->rate + 0.2 * rate : rate;
    run->told = time;
    run->told_step = run->step;
    double seconds = time - run->began;
    tell_losses(run, (EbmEvent){ .kind = EBM_TRAIN_STEP, .seconds = seconds, .left = seconds_left(run, seconds) });
}

/* ---- getting ready ---- */

static void run_free(Run *run)
{
    for (int p = 0; p < run->train->n_phases; p++) {
        if (run->phases) session_drop_code(run->session, run->phases[p], run->train->name);
        if (run->recording) session_drop_code(run->session, run->recording[p], run->train->name);
    }
    free(run->phases);
    free(run->recording);
    free(run->paces);
    free(run->paces_at_snapshot);
    if (run->snapshot) snapshot_free(run->snapshot);
}

static bool needs_recording(const Train *train)
{
    for (int e = 0; e < train->n_everys; e++)
        if (train->everys[e].n_records || train->everys[e].n_actions) return true;
    return false;
}

static bool plan_phases(Session *session, const Train *train, const Phase *phases, Code **codes)
{
    for (int p = 0; p < train->n_phases; p++) {
        codes[p] = session_plan(session, &phases[p].program);
        if (!codes[p]) return false;
    }
    for (int p = 0; p < train->n_phases; p++)
        if (!session_ensure_reads(session, &phases[p].program, train)) return false;
    return true;
}

/* Curves begin as "not a number": rows that a run which ends early never reaches stay so. */
static void clear_curves(Session *session, const Train *train)
{
    Store *store = session->script->store;
    for (int e = 0; e < train->n_everys; e++)
        for (int r = 0; r < train->everys[e].n_records; r++) {
            uint32_t curve = train->everys[e].records[r].curve;
            slot_memory(store, curve);
            for (int64_t i = slot_count(&store->slots[curve]); i-- > 0;) slot_set(store, curve, i, NAN);
            store->slots[curve].filled = true;          /* so that it can be looked at while it grows */
        }
}

/* The program by which a cell, or what it begins as a copy of, gets its value; null if that is no program of its own, or was run. */
static const Program *program_of_cell(const Session *session, const Train *train, uint32_t cell)
{
    const Script *script = session->script;
    uint32_t slot = cell;
    while (slot < (uint32_t)script->n_fills && script->fills[slot].is_copy) slot = script->fills[slot].source;
    if (slot >= (uint32_t)script->n_fills || script->store->slots[slot].filled || script->store->slots[cell].filled) return NULL;
    const Train *writer = session->slots[slot].writer;
    const Fill *fill = &script->fills[slot];
    return fill->has_program && !fill->group && (!writer || writer == train) ? &fill->program : NULL;
}

static bool has_output(const Program *program, uint32_t slot)
{
    for (int i = 0; i < program->n; i++)
        if (program->outputs[i].slot == slot) return true;
    return false;
}

/* Those that are computed, in one program: planning takes as long for all of them as for one. */
static bool compute_cells(Session *session, const Train *train)
{
    if (!session_know(session)) return false;
    Output *outputs = calloc((size_t)train->n_cells + 1, sizeof *outputs);
    if (!outputs) return false;
    Program all = { .outputs = outputs };
    for (int i = 0; i < train->n_cells; i++) {
        const Program *one = program_of_cell(session, train, train->cells[i]);
        if (!one || has_output(&all, one->outputs[0].slot)) continue;
        all.graph = one->graph;
        outputs[all.n++] = one->outputs[0];
    }
    bool well = session_compute(session, &all, (RunKey){ .seed = session->script->seed }, train->name);
    free(outputs);
    return well;
}

static bool fill_cells(Session *session, const Train *train)
{
    if (!compute_cells(session, train)) return false;
    for (int i = 0; i < train->n_cells; i++)
        if (!session_fill(session, train->cells[i])) return false;
    return true;
}

/* From a saved state: the curves are filled up to here. */
static bool go_on(Run *run)
{
    Session *session = run->session;
    run->step = session->place.step;
    run->attempt = session->place.attempt;
    run->seconds_before = run->last_checkpoint = session->place.seconds;
    for (int e = 0; e < run->train->n_everys; e++)
        run->paces[e] = (Pace){ .rows = session->place.rows[e], .last = session->place.seconds };
    session->resumed = NULL;
    session_note(session, "%s: goes on from step %lld", run->train->name, (long long)run->step);
    return true;
}

static bool prepare(Run *run)
{
    Session *session = run->session;
    Train *train = run->train;
    run->phases = calloc((size_t)train->n_phases + 1, sizeof *run->phases);
    run->recording = calloc((size_t)train->n_phases + 1, sizeof *run->recording);
    run->paces = calloc((size_t)train->n_everys + 1, sizeof *run->paces);
    run->paces_at_snapshot = calloc((size_t)train->n_everys + 1, sizeof *run->paces_at_snapshot);
    if (!run->phases || !run->recording || !run->paces || !run->paces_at_snapshot) return false;
    session_begin_loads(session, train);
    bool well = fill_cells(session, train) && plan_phases(session, train, train->phases, run->phases);
    if (!session_end_loads(session) || !well) return false;
    if (train->recording && needs_recording(train) && !plan_phases(session, train, train->recording, run->recording)) return false;
    if (session->resumed == train) return go_on(run);
    clear_curves(session, train);
    return true;
}

/* ---- snapshots and guards ---- */

static void take_snapshot(Run *run)
{
    run->snapshot = snapshot_take(run->session->script->store, run->snapshot);
    run->snapshot_step = run->step;
    memcpy(run->paces_at_snapshot, run->paces, (size_t)run->train->n_everys * sizeof *run->paces);
    run->rollbacks = 0;
}

/* Back to the last good state; false when that did not help ten times. */
static bool roll_back(Run *run, Span span, const char *cause)
{
    Session *session = run->session;
    if (++run->rollbacks > ROLLBACKS_IN_A_ROW) {
        Diagnostic *d = diag_error(session->diagnostics, "E0510", span, "the run '%s' does not get past step %lld: %s, and %d rollbacks in a row did not help",
                                   run->train->name, (long long)run->step, cause, ROLLBACKS_IN_A_ROW);
        d->fault = FAULT_MACHINE;
        diag_help(d, "a smaller step of the sampler or the optimizer, or an objective that holds the energies together, is the usual cure");
        return false;
    }
    session_note(session, "%s: step %lld: %s; back to step %lld with new draws", run->train->name, (long long)run->step, cause,
                 (long long)run->snapshot_step);
    snapshot_restore(run->snapshot, session->script->store);
    memcpy(run->paces, run->paces_at_snapshot, (size_t)run->train->n_everys * sizeof *run->paces);
    run->step = run->snapshot_step;
    run->told_step = run->step;
    run->attempt++;
    return true;
}

static const Guard *broken_guard(const Run *run)
{
    const Store *store = run->session->script->store;
    for (int i = 0; i < run->train->n_guards; i++) {
        const Guard *guard = &run->train->guards[i];
        if (!(fabs(slot_value(store, guard->slot, 0)) > 0)) return guard;
    }
    return NULL;
}

/* Why a guard ends the run or sends it back: what does not hold, by which values, and what its author says that means. */
static void tell_cause(const Run *run, const Guard *guard, char *cause, size_t size)
{
    const Store *store = run->session->script->store;
    char values[64] = "";
    if (guard->comparison)
        snprintf(values, sizeof values, " (%.4g %s %.4g)", slot_value(store, guard->sides[0], 0), guard->comparison, slot_value(store, guard->sides[1], 0));
    snprintf(cause, size, "the guard %s does not hold%s%s%s", guard->text, values, guard->reason ? ": " : "", guard->reason ? guard->reason : "");
}

static const Guard *rollback_guard(const Train *train)
{
    for (int i = 0; i < train->n_guards; i++)
        if (train->guards[i].rollback) return &train->guards[i];
    return NULL;
}

/* A value that is not finite: with a guard that rolls back it is one more reason to; else it ends the run. */
static bool survive(Run *run, Diagnostics *found)
{
    const Guard *guard = rollback_guard(run->train);
    if (!found->errors || !guard) return false;
    char cause[240];
    snprintf(cause, sizeof cause, "%s", found->first->message);
    return roll_back(run, guard->span, cause);
}

/* Gives the errors of `from` to `to`, which then owns them. */
static void move_diagnostics(Diagnostics *to, Diagnostics *from)
{
    if (!from->first) return;
    if (to->last) to->last->next = from->first;
    else to->first = from->first;
    to->last = from->last;
    to->errors += from->errors;
    to->warnings += from->warnings;
    *from = (Diagnostics){ 0 };
}

/* ---- records ---- */

static bool is_due(const Every *every, const Pace *pace, int64_t step, double seconds, bool at_end)
{
    if (at_end) return true;
    if (every->period.unit == UNIT_SECONDS || every->period.unit == UNIT_MILLISECONDS) {
        double period = every->period.count * (every->period.unit == UNIT_SECONDS ? 1 : 1e-3);
        return step == 0 || seconds - pace->last >= period;
    }
    int64_t period = every->period.count >= 1 ? (int64_t)llround(every->period.count) : 1;
    return step % period == 0;
}

/* Marks what is due at this step; true if anything is. */
static bool mark_due(Run *run, double seconds, bool at_end)
{
    bool any = false;
    for (int e = 0; e < run->train->n_everys; e++) {
        Pace *pace = &run->paces[e];
        pace->due = is_due(&run->train->everys[e], pace, run->step, seconds, at_end);
        if (!pace->due) continue;
        pace->last = seconds;
        any = true;
    }
    return any;
}

/* Appends the value slots to their curves and tells. */
static void append_records(Run *run, const Every *every, Pace *pace)
{
    Store *store = run->session->script->store;
    const char *names[MAX_SHOWN];
    double values[MAX_SHOWN];
    int n = 0;
    for (int r = 0; r < every->n_records; r++) {
        const Record *record = &every->records[r];
        int64_t count = slot_count(&store->slots[record->value]);
        if ((pace->rows + 1) * count <= slot_count(&store->slots[record->curve])) {
            size_t bytes = (size_t)count * precision_bytes(store->precision);
            memcpy((char *)slot_memory(store, record->curve) + (size_t)pace->rows * bytes, slot_memory(store, record->value), bytes);
        }
        if (count != 1 || n == MAX_SHOWN) continue;
        names[n] = record->name;
        values[n++] = slot_value(store, record->value, 0);
    }
    pace->rows++;
    run->train->recorded_at = run->step;
    session_tell(run->session, &(EbmEvent){ .kind = EBM_TRAIN_RECORD, .train = run->train->name, .step = run->step,
                                            .steps = run->train->steps, .n = n, .names = names, .values = values });
}

static void keep_records(Run *run)
{
    for (int e = 0; e < run->train->n_everys; e++)
        if (run->paces[e].due && run->train->everys[e].n_records) append_records(run, &run->train->everys[e], &run->paces[e]);
}

/* show and print inside `every`, on what the recording phases have computed: the cells as they are before the step. */
static bool act_due(Run *run)
{
    RunKey key = { .seed = run->session->script->seed, .step = (uint64_t)run->step, .attempt = run->attempt };
    for (int e = 0; e < run->train->n_everys; e++)
        for (int a = 0; run->paces[e].due && a < run->train->everys[e].n_actions; a++)
            if (!session_act(run->session, &run->train->everys[e].actions[a], key, run->train->name, run->step)) return false;
    return true;
}

/* ---- steps ---- */

static bool run_phases(Run *run, const Phase *phases, Code **codes, Diagnostics *found)
{
    RunKey key = { .seed = run->session->script->seed, .step = (uint64_t)run->step, .attempt = run->attempt };
    for (int p = 0; p < run->train->n_phases; p++)
        if (!session_execute(run->session, codes[p], &phases[p].program, key, found)) return false;
    return true;
}

/* What stands in `every` once more after the last step: the values it would have had, with the cells left as they are. */
static bool record_end(Run *run, double seconds)
{
    Diagnostics *diagnostics = run->session->diagnostics;
    if (!mark_due(run, seconds, true)) return true;
    Snapshot *kept = snapshot_take(run->session->script->store, NULL);
    bool well = run_phases(run, run->train->recording, run->recording, diagnostics);
    snapshot_restore(kept, run->session->script->store);
    snapshot_free(kept);
    if (!well) return false;
    keep_records(run);
    return act_due(run);
}

static bool checkpoint_due(Run *run)
{
    const Period *period = &run->train->checkpoint;
    if (period->unit != UNIT_SECONDS && period->unit != UNIT_MILLISECONDS) return period->count >= 1 && run->step % (int64_t)period->count == 0;
    double seconds = now() - run->began;
    if (seconds - run->last_checkpoint < period->count * (period->unit == UNIT_SECONDS ? 1 : 1e-3)) return false;
    run->last_checkpoint = seconds;
    return true;
}

static bool save_state(const Run *run, const char *kind)
{
    const Train *train = run->train;
    char file[300];
    snprintf(file, sizeof file, "%s.%s.safetensors", train->name, kind);
    RunPlace place = { .step = run->step, .attempt = run->attempt, .seconds = now() - run->began,
                       .rows = calloc((size_t)train->n_everys + 1, sizeof *place.rows) };
    if (!place.rows) return false;
    for (int e = 0; e < train->n_everys; e++) place.rows[e] = run->paces[e].rows;
    bool well = session_save_state(run->session, train, &place, file);
    free(place.rows);
    return well;
}

static bool after_step(Run *run)
{
    const Guard *guard = broken_guard(run);
    if (guard && guard->rollback) {
        char cause[240];
        tell_cause(run, guard, cause, sizeof cause);
        return roll_back(run, guard->span, cause);
    }
    run->step++;
    if (guard) {
        tell_cause(run, guard, run->ending, sizeof run->ending);
        run->over = true;
        return true;
    }
    if (run->train->n_guards && run->step - run->snapshot_step >= SNAPSHOT_STEPS) take_snapshot(run);
    if (!checkpoint_due(run)) return true;
    if (run->train->n_guards) take_snapshot(run);       /* as a run that goes on from the file does */
    return save_state(run, "checkpoint");
}

/* One step; false with a diagnostic when the run cannot go on. */
static bool take_step(Run *run, double seconds)
{
    Diagnostics found = { 0 };
    bool records = mark_due(run, seconds, false);
    bool well = records ? run_phases(run, run->train->recording, run->recording, &found)
                        : run_phases(run, run->train->phases, run->phases, &found);
    if (!well) {
        bool goes_on = survive(run, &found);
        if (!goes_on) move_diagnostics(run->session->diagnostics, &found);
        diagnostics_free(&found);
        return goes_on;
    }
    move_diagnostics(run->session->diagnostics, &found);
    if (records) keep_records(run);
    return (!records || act_due(run)) && after_step(run);
}

static bool length_reached(const Run *run, double seconds)
{
    if (run->train->steps && run->step >= run->train->steps) return true;
    return run->train->seconds > 0 && seconds >= run->train->seconds;
}

static bool take_steps(Run *run)
{
    if (run->train->n_guards) take_snapshot(run);
    for (;;) {
        double time = now();
        if (length_reached(run, time - run->began) || run->over) return true;
        if (*run->session->options.stop) {
            snprintf(run->ending, sizeof run->ending, "interrupted");
            run->session->interrupted = true;
            return true;
        }
        tell_step(run, time);
        if (!take_step(run, time - run->began)) return false;
    }
}

static bool finish(Run *run)
{
    Session *session = run->session;
    Train *train = run->train;
    double seconds = now() - run->began;
    bool well = session->interrupted || record_end(run, seconds);
    train->done = true;
    run->rate = seconds > 0 ? (double)run->step / seconds : 0;
    tell_losses(run, (EbmEvent){ .kind = EBM_TRAIN_ENDS, .seconds = seconds, .text = run->ending[0] ? run->ending : NULL });
    return session->interrupted ? save_state(run, "interrupted") : well;
}

bool session_train(Session *session, Train *train)
{
    Run run = { .session = session, .train = train };
    Train *outer = session->training;
    session->training = train;
    bool well = prepare(&run);
    if (well) {
        session_tell(session, &(EbmEvent){ .kind = EBM_TRAIN_BEGINS, .train = train->name, .steps = train->steps, .seconds = train->seconds });
        run.told = now();
        run.began = run.told - run.seconds_before;
        run.told_step = run.step;
        well = take_steps(&run) && finish(&run);
    }
    session->training = outer;
    run_free(&run);
    return well;
}
