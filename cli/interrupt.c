/* interrupt.c: Ctrl-C ends a train cleanly.  A signal handler sees nothing but globals: the three here are all the program has. */
#define _GNU_SOURCE
#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

static Ebm *volatile watched;
static volatile sig_atomic_t pressed, ends_process;

static void handle(int number)
{
    (void)number;
    if (pressed && ends_process) _exit(EBM_INTERRUPTED);
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
