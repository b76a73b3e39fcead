/* feed.c: the multi-line prompt: lines are collected until they are a complete text.
 *
 * A text is complete when it parses; it wants more lines when the only thing wrong is that it ended.  An empty line outside
 * brackets gives up waiting, so that nobody is held by a half-written line. */
#include <stdlib.h>
#include <string.h>

#include "lang/text/build.h"

struct Feed { char *text; size_t length; };

Feed *feed_new(void) { return calloc(1, sizeof(Feed)); }

void feed_free(Feed *feed)
{
    if (!feed) return;
    free(feed->text);
    free(feed);
}

static bool add_text(Feed *feed, const char *line)
{
    size_t n = strlen(line);
    char *longer = realloc(feed->text, feed->length + n + 1);
    if (!longer) return false;
    memcpy(longer + feed->length, line, n + 1);
    feed->text = longer;
    feed->length += n;
    return true;
}

static bool is_blank(const char *line) { return line[strspn(line, " \t\r\n")] == '\0'; }

FeedState feed_line(Feed *feed, const char *line)
{
    if (!add_text(feed, line)) return FEED_ERROR;
    Source *source = source_new("<prompt>", feed->text, feed->length);
    if (!source) return FEED_ERROR;
    Diagnostics diagnostics = { 0 };
    Ending ending;
    File *file = parse_to_end(source, &diagnostics, &ending);
    FeedState state = !diagnostics.errors ? FEED_DONE : ending == ENDING_IN_BRACKETS ? FEED_MORE
                    : ending == ENDING_IN_STATEMENT && !is_blank(line) ? FEED_MORE : FEED_ERROR;
    file_free(file);
    diagnostics_free(&diagnostics);
    source_free(source);
    return state;
}
