/* interrupt.c: Ctrl-C ends a train cleanly.  A signal handler sees nothing but globals: those here are all the program has. */
#define _GNU_SOURCE
#include "cli/interrupt.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

static Ebm *volatile watched;
static volatile sig_atomic_t pressed, ends_process;
static struct timespec first_press;

/* Some senders signal a process and its group: two that come almost at once are one. */
static bool long_since(struct timespec then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then.tv_sec) + 1e-9 * (double)(now.tv_nsec - then.tv_nsec) > 0.3;
}

static void handle(int number)
{
    (void)number;
    if (pressed && ends_process && long_since(first_press)) _exit(EBM_INTERRUPTED);
    if (!pressed) clock_gettime(CLOCK_MONOTONIC, &first_press);
    pressed = 1;
    if (watched) ebm_stop(watched);
}

void interrupt_watch(Ebm *ebm, bool hard)
{
    watched = ebm;
    ends_process = hard;
    struct sigaction action = { .sa_handler = handle };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

bool interrupt_taken(void)
{
    bool taken = pressed;
    pressed = 0;
    return taken;
}
