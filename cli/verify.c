/* verify.c: runs the text of a saved model again, with its seed and options, into a folder of its own, and compares what it saves there. */
#define _GNU_SOURCE
#include "cli/verify.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/interrupt.h"
#include "cli/listen.h"

/* The run again. */
typedef struct Verification {
    Listener listener;          /* tells the reader what happens */
    const char *path;           /* of the model */
    char *again;                /* the file that is the model again; owned; null until it was written */
} Verification;

/* Files of the run are no one's but ours: they are not told of. */
static void hear(void *context, const EbmEvent *event)
{
    Verification *v = context;
    if (event->kind != EBM_WROTE) {
        listener_hear(&v->listener, event);
    } else if (ebm_is_same_kind(v->path, event->text)) {
        free(v->again);
        v->again = strdup(event->text);
    }
}

static EbmStatus run_again(Verification *v, EbmSettings settings)
{
    settings.hear = hear;
    settings.context = v;
    Ebm *ebm = ebm_open(&settings);
    if (!ebm) return EBM_MACHINE_WRONG;
    bool color = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    interrupt_watch(ebm, true);
    if (ebm_add_file(ebm, v->path)) {
        ebm_report(ebm, stderr, color);
        ebm_run(ebm);
    }
    listener_clear(&v->listener);
    ebm_report(ebm, stderr, color);
    EbmStatus status = ebm_status(ebm);
    interrupt_watch(NULL, true);
    ebm_close(ebm);
    return status;
}

/* A claim that fails again is no difference. */
static EbmStatus judge(const Verification *v, EbmStatus ran)
{
    if (ran > EBM_CLAIM_FAILED) return ran;
    if (!v->again) {
        printf("not verified: the text of %s does not save such a model\n", v->path);
        return EBM_CLAIM_FAILED;
    }
    bool same = ebm_compare(stdout, v->path, v->again);
    puts(same ? "verified: the text gives this model" : "not verified: the text gives another model here");
    return same ? EBM_WELL : EBM_CLAIM_FAILED;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about, (void)kind, (void)where;
    return remove(path);
}

int verify(Options *options)
{
    if (options->n_operands != 1) {
        fputs("ebm: usage: ebm verify MODEL.safetensors\n", stderr);
        return EBM_TEXT_WRONG;
    }
    if (ebm_is_state(options->operands[0])) {
        printf("not verified: %s is a state on the way, not a result; `ebm resume` goes on from it\n", options->operands[0]);
        return EBM_CLAIM_FAILED;
    }
    const char *base = getenv("TMPDIR");
    char *folder = NULL;
    if (asprintf(&folder, "%s/ebm.XXXXXX", base && *base ? base : "/tmp") < 0) return EBM_MACHINE_WRONG;
    if (!mkdtemp(folder)) {
        fprintf(stderr, "ebm: no folder for the run could be made at %s: %s\n", folder, strerror(errno));
        free(folder);
        return EBM_MACHINE_WRONG;
    }
    options->settings.out_dir = folder;
    Verification v = { .listener = listener_new(false, false), .path = options->operands[0] };
    EbmStatus status = judge(&v, run_again(&v, options->settings));
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(v.again);
    free(folder);
    return (int)status;
}
