/* share.c: shares work out among the threads: chunks of a region, parts of large instructions, and several instructions that do not
 * wait for each other in one go.
 *
 * The pool gives each thread a run of neighbors among the tasks, the same from step to step.  So tasks are numbered such that a run has a part of
 * each instruction: a thread finds in its caches what it left there. */
#include "vm/inside.h"

#include <string.h>

typedef struct Job {
    Machine *machine;
    Instr *const *instrs;
    int n;
    void (*run)(Frame *frame, const Instr *instr, int64_t task);
} Job;

/* ---- Tasks ---- */

static int64_t tasks_of(const Instr *instr)
{
    if (instr->kind == INSTR_REGION) return (instr->items + instr->chunk - 1) / instr->chunk;
    return instr->split < 0 ? 1 : (instr->dim[instr->split] + instr->grain - 1) / instr->grain;
}

/* The first task of an instruction's `tasks` that is this thread's; those of the next thread begin where its own end. */
static int64_t first_task(const Job *job, int64_t tasks, int thread) { return tasks * thread / job->machine->threads; }

/* The task of this number, of which instruction: first come the tasks of the first thread, one instruction's after the other's. */
static const Instr *task_of(const Job *job, int64_t number, int64_t *task)
{
    for (int t = 0;; t++)
        for (int i = 0; i < job->n; i++) {
            int64_t tasks = tasks_of(job->instrs[i]), first = first_task(job, tasks, t), here = first_task(job, tasks, t + 1) - first;
            if (number < here) {
                *task = first + number;
                return job->instrs[i];
            }
            number -= here;
        }
}

static void run_task(void *context, int64_t number, int thread)
{
    const Job *job = context;
    int64_t task;
    const Instr *instr = task_of(job, number, &task);
    job->run(&job->machine->frames[thread], instr, task);
}

static void run_part(Frame *frame, const Instr *instr, int64_t task)
{
    if (instr->split >= 0) {
        int64_t dim = instr->dim[instr->split], from = task * instr->grain;
        frame->part_from = from;
        frame->part = dim - from < instr->grain ? dim - from : instr->grain;
    }
    run_instr(frame, instr);
    frame->part = 0;
}

static void run_chunk(Frame *frame, const Instr *instr, int64_t task)
{
    if (frame->trouble.kind) return;
    frame->item = task * instr->chunk;
    frame->lanes = instr->items - frame->item < instr->chunk ? instr->items - frame->item : instr->chunk;
    frame->base[BASE_SLICE] = (char *)((uintptr_t)frame->local - (uintptr_t)(frame->item * (int64_t)frame->kernels->bytes));
    run_block(frame, &instr->body);
    frame->item = frame->lanes = 0;
}

void run_chunks(Frame *frame, const Instr *chunks)
{
    int64_t first = frame->item, items = frame->lanes;
    for (int64_t done = 0; done < items && !frame->trouble.kind; done += chunks->chunk) {
        frame->item = first + done;
        frame->lanes = items - done < chunks->chunk ? items - done : chunks->chunk;
        run_block(frame, &chunks->body);
    }
    frame->item = first;
    frame->lanes = items;
}

static void run_task_timed(Frame *frame, const Instr *instr, int64_t task)
{
    uint64_t began = ticks_now();
    if (instr->kind == INSTR_REGION) run_chunk(frame, instr, task);
    else run_part(frame, instr, task);
    frame->tallies[instr->number].own += ticks_now() - began;
}

/* ---- Jobs ---- */

/* Trouble of any thread becomes the first thread's; of several, that of the first items. */
static void gather_trouble(Machine *machine)
{
    Frame *first = &machine->frames[0];
    for (int t = 1; t < machine->threads; t++) {
        Trouble *other = &machine->frames[t].trouble;
        if (other->kind && (!first->trouble.kind || other->item < first->trouble.item)) first->trouble = *other;
        other->kind = TROUBLE_NONE;
    }
}

static void share_times(Machine *machine)
{
    for (int t = 1; t < machine->threads; t++)
        memcpy(machine->frames[t].times, machine->frames[0].times, sizeof machine->frames[0].times);
}

static uint64_t time_of(const Machine *machine, const Instr *instr)
{
    uint64_t ticks = 0;
    for (int t = 0; t < machine->threads; t++) ticks += machine->frames[t].tallies[instr->number].own;
    return ticks;
}

/* What all threads shared lasted as long as the work of each instruction, on all of them; the rest, waiting, is the last's. */
static void run_timed(Job *job, int64_t tasks)
{
    Machine *machine = job->machine;
    uint64_t before = 0, after = 0, began = ticks_now(), threads = (uint64_t)machine->threads;
    Tally *tallies = machine->frames[0].tallies;
    for (int i = 0; i < job->n; i++) {
        uint64_t own = time_of(machine, job->instrs[i]);
        before += own;
        tallies[job->instrs[i]->number].shared -= own / threads;
    }
    job->run = run_task_timed;
    pool_run(machine->pool, run_task, job, tasks);
    uint64_t lasted = ticks_now() - began;
    for (int i = 0; i < job->n; i++) {
        uint64_t own = time_of(machine, job->instrs[i]);
        after += own;
        tallies[job->instrs[i]->number].shared += own / threads;
    }
    if (lasted * threads > after - before) tallies[job->instrs[job->n - 1]->number].shared += lasted - (after - before) / threads;
}

static void run_job(Frame *frame, Job *job)
{
    int64_t tasks = 0;
    for (int i = 0; i < job->n; i++) tasks += tasks_of(job->instrs[i]);
    share_times(job->machine);
    if (frame->watched) run_timed(job, tasks);
    else pool_run(job->machine->pool, run_task, job, tasks);
    gather_trouble(job->machine);
}

void run_together(Frame *frame, Instr *const *instrs, int n)
{
    Job job = { frame->machine, instrs, n, run_part };
    run_job(frame, &job);
}

void run_region(Frame *frame, Instr *const *region)
{
    Job job = { frame->machine, region, 1, run_chunk };
    if (frame->checking) {
        for (int64_t task = 0; task < tasks_of(*region); task++) run_chunk(frame, *region, task);
        return;
    }
    run_job(frame, &job);
}
