/* listen.h: tells a reader, or a program, what happens in a run. */
#ifndef EBM_CLI_LISTEN_H
#define EBM_CLI_LISTEN_H

#include "lang/ebm.h"

typedef struct Listener {
    bool json;                  /* everything as lines of JSON on stdout */
    bool picture;               /* pictures in the terminal */
    bool live;                  /* stderr is a terminal: one live line while training */
    bool color;
    bool line_shown;            /* a live line stands there now */
    double last_line;           /* seconds into the train of the last plain line */
    int claims, failed;
} Listener;

Listener listener_new(bool json, bool picture);
/* For EbmSettings.hear; the context is a Listener. */
void listener_hear(void *context, const EbmEvent *event);
/* Takes the live line away. */
void listener_clear(Listener *listener);
/* The last words: how many claims hold. */
void listener_close(Listener *listener);

#endif
