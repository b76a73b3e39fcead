/* pool.c: threads that share out the tasks of a job.  Each has a run of neighbors for its own, the same in every job of a length, as what it reads is then
 * often still in its core's cache; who is through with that helps the others.  A thread without work spins for about the time it takes to wake one, as
 * the next job is often near, and then sleeps. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "vm/kernel/kernel.h"

enum { SPIN_TICKS = 130000, LINE_BYTES = 64 };               /* about 50 microseconds; of cache */

typedef struct Job {
    void (*work)(void *context, int64_t task, int thread);
    void *context;
} Job;

/* The tasks of one thread, in a line of cache of their own. */
typedef struct Share { _Alignas(LINE_BYTES) atomic_llong next; int64_t end; } Share;

typedef struct Worker { Pool *pool; int thread; pthread_t id; } Worker;

struct Pool {
    int threads;
    Worker *workers;            /* threads - 1 of them */
    Share *shares;              /* of each thread */
    pthread_mutex_t lock;       /* over what follows, where not atomic */
    pthread_cond_t wake, idle;
    Job job;
    bool open;                  /* the job takes more hands */
    bool over;
    int sleeping;
    bool waiting;               /* the caller sleeps until the last worker leaves the job */
    atomic_uint number;         /* of the job, or of the end */
    atomic_int busy;            /* workers inside the job */
};

static void deal_out(Pool *p, int64_t tasks) {
    for (int t = 0; t < p->threads; t++) {
        atomic_store_explicit(&p->shares[t].next, tasks * t / p->threads, memory_order_relaxed);
        p->shares[t].end = tasks * (t + 1) / p->threads;
    }
}

/* First the thread's own, then what is left of the next ones'. */
static void take_tasks(Pool *p, const Job *job, int thread) {
    for (int i = 0; i < p->threads; i++) {
        Share *share = &p->shares[(thread + i) % p->threads];
        for (int64_t task; (task = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed)) < share->end;)
            job->work(job->context, task, thread);
    }
}

/* Waits a moment for the value to leave `old`; whether it did. */
static bool spin_while(const atomic_uint *value, unsigned old) {
    uint64_t start = __builtin_ia32_rdtsc();
    do {
        if (atomic_load_explicit(value, memory_order_acquire) != old) return true;
        __builtin_ia32_pause();
    } while (__builtin_ia32_rdtsc() - start < SPIN_TICKS);
    return false;
}

/* Joins the jobs one after another until the pool is over. */
static void *serve(void *context) {
    Worker *w = context;
    Pool *p = w->pool;
    unsigned seen = 0;
    flush_set();
    for (;;) {
        spin_while(&p->number, seen);
        pthread_mutex_lock(&p->lock);
        while (atomic_load_explicit(&p->number, memory_order_relaxed) == seen) {
            p->sleeping++;
            pthread_cond_wait(&p->wake, &p->lock);
            p->sleeping--;
        }
        seen = atomic_load_explicit(&p->number, memory_order_relaxed);
        bool over = p->over, join = p->open;
        Job job = p->job;
        if (join && !over) atomic_fetch_add_explicit(&p->busy, 1, memory_order_relaxed);
        pthread_mutex_unlock(&p->lock);
        if (over) return NULL;
        if (!join) continue;
        take_tasks(p, &job, w->thread);
        if (atomic_fetch_sub_explicit(&p->busy, 1, memory_order_acq_rel) == 1) {
            pthread_mutex_lock(&p->lock);
            if (p->waiting) pthread_cond_signal(&p->idle);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

/* Opens a job (or the end) for the workers; the lock is held. */
static void announce(Pool *p) {
    atomic_fetch_add_explicit(&p->number, 1, memory_order_release);
    if (p->sleeping) pthread_cond_broadcast(&p->wake);
}

/* Takes the job back and waits until no worker is inside it. */
static void await_workers(Pool *p) {
    pthread_mutex_lock(&p->lock);
    p->open = false;
    pthread_mutex_unlock(&p->lock);
    uint64_t start = __builtin_ia32_rdtsc();
    while (atomic_load_explicit(&p->busy, memory_order_acquire) > 0) {
        if (__builtin_ia32_rdtsc() - start < SPIN_TICKS) {
            __builtin_ia32_pause();
            continue;
        }
        pthread_mutex_lock(&p->lock);
        p->waiting = true;
        while (atomic_load_explicit(&p->busy, memory_order_acquire) > 0) pthread_cond_wait(&p->idle, &p->lock);
        p->waiting = false;
        pthread_mutex_unlock(&p->lock);
    }
}

void pool_run(Pool *p, void (*work)(void *context, int64_t task, int thread), void *context, int64_t tasks) {
    if (p->threads == 1 || tasks <= 1) {
        for (int64_t task = 0; task < tasks; task++) work(context, task, 0);
        return;
    }
    Job job = { work, context };
    pthread_mutex_lock(&p->lock);
    p->job = job;
    p->open = true;
    deal_out(p, tasks);
    announce(p);
    pthread_mutex_unlock(&p->lock);
    take_tasks(p, &job, 0);
    await_workers(p);
}

Pool *pool_new(int threads) {
    Pool *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->workers = calloc((size_t)threads, sizeof *p->workers);
    p->shares = aligned_alloc(LINE_BYTES, (size_t)threads * sizeof *p->shares);
    if (!p->workers || !p->shares) {
        free(p->shares);
        free(p->workers);
        free(p);
        return NULL;
    }
    p->threads = 1;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->idle, NULL);
    for (int t = 1; t < threads; t++) {
        Worker *w = &p->workers[t - 1];
        *w = (Worker){ .pool = p, .thread = t };
        if (pthread_create(&w->id, NULL, serve, w) != 0) break;
        p->threads++;
    }
    return p;
}

void pool_free(Pool *p) {
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->over = true;
    announce(p);
    pthread_mutex_unlock(&p->lock);
    for (int t = 1; t < p->threads; t++) pthread_join(p->workers[t - 1].id, NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    pthread_cond_destroy(&p->idle);
    free(p->shares);
    free(p->workers);
    free(p);
}

int pool_threads(const Pool *p) { return p->threads; }
