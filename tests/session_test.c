/* session_test.c: the session on scripts made by hand: values at first use, claims, training runs with records, guards and
 * interruption, files below the output folder, and what a second session takes over from a first. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "lang/session.h"
#include "vm/io/data.h"

/* ---- scripts by hand ---- */

typedef struct Bench {
    Script script;
    Diagnostics diagnostics;
    Session *session;
    volatile sig_atomic_t stop;
    char out_dir[64];
    int claims, failed, records, wrote, ends;
    int64_t stop_at_record;
    double last_loss;
    char printed[2000];
} Bench;

static void hear(void *context, const EbmEvent *event)
{
    Bench *b = context;
    b->claims += event->kind == EBM_CLAIM;
    b->failed += event->kind == EBM_CLAIM && !event->holds;
    b->wrote += event->kind == EBM_WROTE;
    b->ends += event->kind == EBM_TRAIN_ENDS;
    if (event->kind == EBM_TRAIN_ENDS && event->n) b->last_loss = event->values[0];
    if (event->kind == EBM_TRAIN_RECORD && ++b->records == b->stop_at_record) b->stop = 1;
    if (event->kind == EBM_PRINTED) strncat(b->printed, event->text, sizeof b->printed - strlen(b->printed) - 1);
}

static Bench *bench_new(void)
{
    Bench *b = calloc(1, sizeof *b);
    b->script.graph = graph_new();
    b->script.store = store_new(PRECISION_F64);
    b->script.seed = 1;
    strcpy(b->out_dir, "/tmp/ebm_session_XXXXXX");
    assert_non_null(mkdtemp(b->out_dir));
    SessionOptions options = { .threads = 1, .out_dir = b->out_dir, .stop = &b->stop, .hear = hear, .context = b };
    b->session = session_new(&b->script, &options, &b->diagnostics);
    assert_non_null(b->session);
    session_set_source(b->session, "hand.ebm", "by hand\n");
    return b;
}

static void bench_free(Bench *b)
{
    char *command = NULL;
    assert_true(asprintf(&command, "rm -rf '%s'", b->out_dir) > 0);
    assert_int_equal(system(command), 0);
    free(command);
    session_free(b->session);
    diagnostics_free(&b->diagnostics);
    graph_free(b->script.graph);
    store_free(b->script.store);
    arena_free(&b->script.arena);
    free(b);
}

static uint32_t add_slot(Bench *b, const char *name, Shape shape, bool is_cell)
{
    Script *s = &b->script;
    uint32_t slot = store_add(s->store, name, shape, is_cell);
    Fill *fills = ARENA_ARRAY(&s->arena, Fill, slot + 1);
    if (slot) memcpy(fills, s->fills, slot * sizeof *fills);
    s->fills = fills;
    s->n_fills = (int)slot + 1;
    return slot;
}

static Program one_output(Bench *b, uint32_t slot, Node *value)
{
    Output *outputs = ARENA_NEW(&b->script.arena, Output);
    *outputs = (Output){ slot, value };
    return (Program){ b->script.graph, 1, outputs };
}

static uint32_t add_value(Bench *b, const char *name, Node *value)
{
    uint32_t slot = add_slot(b, name, (Shape){ 0 }, false);
    b->script.fills[slot].has_program = true;
    b->script.fills[slot].program = one_output(b, slot, value);
    return slot;
}

static Action *add_action(Bench *b, ActionKind kind)
{
    Script *s = &b->script;
    Action *actions = ARENA_ARRAY(&s->arena, Action, s->n_actions + 1);
    if (s->n_actions) memcpy(actions, s->actions, (size_t)s->n_actions * sizeof *actions);
    s->actions = actions;
    actions[s->n_actions] = (Action){ .kind = kind };
    return &actions[s->n_actions++];
}

static uint32_t *slots_of(Bench *b, uint32_t slot)
{
    uint32_t *slots = ARENA_NEW(&b->script.arena, uint32_t);
    *slots = slot;
    return slots;
}

static const char **text_of(Bench *b, const char *text)
{
    const char **texts = (const char **)arena_alloc(&b->script.arena, sizeof *texts);
    *texts = text;
    return texts;
}

static void add_claim(Bench *b, const char *text, uint32_t slot)
{
    Action *claim = add_action(b, ACTION_CLAIM);
    claim->string = text;
    claim->n_values = 1;
    claim->values = slots_of(b, slot);
}

static void add_print(Bench *b, const char *label, uint32_t slot)
{
    Action *print = add_action(b, ACTION_PRINT);
    print->n_values = 1;
    print->values = slots_of(b, slot);
    print->labels = text_of(b, label);
}

static void add_save(Bench *b, Train *train, const char *file)
{
    Action *save = add_action(b, ACTION_SAVE);
    save->saved = train;
    save->string = file;
}

static Node *read_slot(Bench *b, uint32_t slot)
{
    return graph_slot(b->script.graph, slot, 0, (Axes){ 0 });
}

static Node *number(Bench *b, double value)
{
    return graph_const(b->script.graph, value);
}

static Node *map(Bench *b, Op op, Node *x, Node *y)
{
    return graph_map(b->script.graph, op, x, y, NULL);
}

static double value_of(const Bench *b, uint32_t slot)
{
    return slot_value(b->script.store, slot, 0);
}

/* A train of one phase: the cell "fit/w", first a copy of `source`, becomes next(w) = factor*w + add every step; the loss is w. */
static Train *add_train(Bench *b, uint32_t source, double factor, double add, int64_t steps, uint32_t *cell)
{
    Arena *arena = &b->script.arena;
    Train *train = ARENA_NEW(arena, Train);
    *cell = add_slot(b, "fit/w", (Shape){ 0 }, true);
    b->script.fills[*cell] = (Fill){ .is_copy = true, .source = source };
    uint32_t loss = add_slot(b, "fit/loss", (Shape){ 0 }, false);
    Node *w = read_slot(b, *cell);
    Output *outputs = ARENA_ARRAY(arena, Output, 3);
    outputs[0] = (Output){ *cell, map(b, OP_add, map(b, OP_mul, number(b, factor), w), number(b, add)) };
    outputs[1] = (Output){ loss, w };
    train->name = "fit";
    train->n_phases = 1;
    train->phases = ARENA_NEW(arena, Phase);
    train->phases[0].program = (Program){ b->script.graph, 2, outputs };
    train->steps = steps;
    train->n_losses = 1;
    train->losses = slots_of(b, loss);
    train->loss_names = text_of(b, "loss");
    train->n_cells = 1;
    train->cells = slots_of(b, *cell);
    train->cell_names = text_of(b, "w");
    train->is_state = ARENA_NEW(arena, bool);
    add_action(b, ACTION_TRAIN)->train = train;
    return train;
}

static void add_guard(Bench *b, Train *train, uint32_t cell, double below, bool rollback)
{
    uint32_t slot = add_slot(b, "fit/guard", (Shape){ 0 }, false);
    Program *program = &train->phases[0].program;
    program->outputs[program->n++] = (Output){ slot, map(b, OP_lt, read_slot(b, cell), number(b, below)) };
    train->guards = ARENA_NEW(&b->script.arena, Guard);
    train->guards[0] = (Guard){ .slot = slot, .rollback = rollback, .text = "w < limit" };
    train->n_guards = 1;
}

static uint32_t add_record(Bench *b, Train *train, uint32_t cell, double every, int64_t rows)
{
    Arena *arena = &b->script.arena;
    uint32_t value = add_slot(b, "fit/w at record", (Shape){ 0 }, false);
    uint32_t curve = add_slot(b, "fit.w", (Shape){ 1, { axis_make(rows, 77) } }, false);
    const Program *plain = &train->phases[0].program;
    Output *outputs = ARENA_ARRAY(arena, Output, plain->n + 1);
    memcpy(outputs, plain->outputs, (size_t)plain->n * sizeof *outputs);
    outputs[plain->n] = (Output){ value, read_slot(b, cell) };
    train->recording = ARENA_NEW(arena, Phase);
    train->recording[0].program = (Program){ b->script.graph, plain->n + 1, outputs };
    train->everys = ARENA_NEW(arena, Every);
    train->n_everys = 1;
    train->everys[0] = (Every){ .period = { every, UNIT_STEPS }, .n_records = 1, .records = ARENA_NEW(arena, Record) };
    train->everys[0].records[0] = (Record){ .name = "w", .value = value, .curve = curve };
    return curve;
}

/* ---- values ---- */

static void a_value_is_computed_when_it_is_needed(void **state)
{
    (void)state;
    Bench *b = bench_new();
    uint32_t a = add_value(b, "a", map(b, OP_add, number(b, 2), graph_step(b->script.graph)));
    uint32_t twice = add_value(b, "twice", map(b, OP_mul, number(b, 2), read_slot(b, a)));
    uint32_t unused = add_value(b, "unused", map(b, OP_mul, number(b, 3), read_slot(b, a)));
    add_print(b, "twice", twice);
    assert_int_equal(session_run(b->session), EBM_WELL);
    assert_string_equal(b->printed, "twice = 4\n");
    assert_true(b->script.store->slots[a].filled);
    assert_false(b->script.store->slots[unused].filled);
    bench_free(b);
}

/* What a solver found and what it recorded: the first that is needed brings those that are asked for, and no others. */
static void a_group_is_filled_together(void **state)
{
    (void)state;
    Bench *b = bench_new();
    uint32_t found = add_value(b, "found", map(b, OP_add, number(b, 2), graph_step(b->script.graph)));
    uint32_t asked = add_value(b, "found.accept", map(b, OP_mul, number(b, 4), graph_step(b->script.graph)));
    uint32_t unasked = add_value(b, "found.draws", map(b, OP_mul, number(b, 3), graph_step(b->script.graph)));
    uint32_t alone = add_value(b, "alone", map(b, OP_mul, number(b, 5), graph_step(b->script.graph)));
    b->script.fills[found].group = b->script.fills[asked].group = b->script.fills[unasked].group = 1;
    add_print(b, "twice", add_value(b, "twice", map(b, OP_mul, number(b, 2), read_slot(b, found))));
    add_print(b, "later", add_value(b, "later", map(b, OP_add, read_slot(b, asked), read_slot(b, alone))));
    assert_true(session_ensure(b->session, found));
    assert_true(b->script.store->slots[asked].filled);
    assert_false(b->script.store->slots[unasked].filled);
    assert_false(b->script.store->slots[alone].filled);
    assert_int_equal(session_run(b->session), EBM_WELL);
    assert_string_equal(b->printed, "twice = 4\nlater = 0\n");
    assert_false(b->script.store->slots[unasked].filled);
    assert_true(session_ensure(b->session, unasked));
    bench_free(b);
}

static void all_claims_are_judged(void **state)
{
    (void)state;
    Bench *b = bench_new();
    uint32_t a = add_value(b, "a", map(b, OP_add, number(b, 2), graph_step(b->script.graph)));
    uint32_t wrong = add_value(b, "wrong", map(b, OP_lt, read_slot(b, a), number(b, 1)));
    uint32_t right = add_value(b, "right", map(b, OP_lt, read_slot(b, a), number(b, 3)));
    add_claim(b, "a is small", wrong);
    add_claim(b, "a is not large", right);
    assert_int_equal(session_run(b->session), EBM_CLAIM_FAILED);
    assert_int_equal(b->claims, 2);
    assert_int_equal(b->failed, 1);
    bench_free(b);
}

/* ---- trains ---- */

static void a_train_moves_its_copy(void **state)
{
    (void)state;
    Bench *b = bench_new();
    uint32_t p = add_value(b, "w", map(b, OP_add, number(b, 1), graph_step(b->script.graph))), cell;
    add_train(b, p, 0.5, 0, 10, &cell);
    assert_int_equal(session_run(b->session), EBM_WELL);
    assert_true(fabs(value_of(b, cell) - 1.0 / 1024) < 1e-12);
    assert_true(fabs(value_of(b, p) - 1) < 1e-12);
    assert_true(fabs(b->last_loss - 1.0 / 512) < 1e-12);
    assert_int_equal(b->ends, 1);
    bench_free(b);
}

static void records_see_values_before_the_commit(void **state)
{
    (void)state;
    Bench *b = bench_new();
    uint32_t p = add_value(b, "w", graph_step(b->script.graph)), cell;
    Train *train = add_train(b, p, 1, 1, 10, &cell);
    uint32_t curve = add_record(b, train, cell, 4, 4);
    assert_int_equal(session_run(b->session), EBM_WELL);
    static const double expected[] = { 0, 4, 8, 10 };
    for (int i = 0; i < 4; i++) assert_true(fabs(slot_value(b->script.store, curve, i) - expected[i]) < 1e-12);
    assert_true(fabs(value_of(b, cell) - 10) < 1e-12);   /* the record after the last step moved nothing */
    bench_free(b);
}

static void a_guard_that_stops_ends_the_run(void **state)
{
    (void)state;
    Bench *b = bench_new();
    uint32_t p = add_value(b, "w", graph_step(b->script.graph)), cell;
    Train *train = add_train(b, p, 1, 1, 100, &cell);
    add_guard(b, train, cell, 5, false);
    assert_int_equal(session_run(b->session), EBM_WELL);
    assert_true(fabs(value_of(b, cell) - 6) < 1e-12);
    bench_free(b);
}

static void rollbacks_that_do_not_help_end_with_an_error(void **state)
{
    (void)state;
    Bench *b = bench_new();
    uint32_t p = add_value(b, "w", graph_step(b->script.graph)), cell;
    Train *train = add_train(b, p, 1, 1, 1000, &cell);
    add_guard(b, train, cell, 250, true);
    assert_int_equal(session_run(b->session), EBM_MACHINE_WRONG);
    assert_string_equal(b->diagnostics.first->code, "E0510");
    assert_false(train->done);
    bench_free(b);
}

static void an_interrupted_train_keeps_and_saves_its_state(void **state)
{
    (void)state;
    Bench *b = bench_new();
    uint32_t p = add_value(b, "w", graph_step(b->script.graph)), cell;
    Train *train = add_train(b, p, 1, 1, 1000, &cell);
    uint32_t curve = add_record(b, train, cell, 10, 101);
    b->stop_at_record = 3;                                       /* steps 0, 10, 20 */
    assert_int_equal(session_run(b->session), EBM_INTERRUPTED);
    assert_true(fabs(value_of(b, cell) - 21) < 1e-12);
    assert_true(isnan(slot_value(b->script.store, curve, 3)));
    char path[200];
    snprintf(path, sizeof path, "%s/fit.interrupted.safetensors", b->out_dir);
    assert_int_equal(access(path, R_OK), 0);
    bench_free(b);
}

static void a_value_of_a_later_train_is_refused(void **state)
{
    (void)state;
    Bench *b = bench_new();
    uint32_t p = add_value(b, "w", graph_step(b->script.graph)), cell;
    Action *print = add_action(b, ACTION_PRINT);
    add_train(b, p, 1, 1, 10, &cell);
    print = &b->script.actions[0];
    print->n_values = 1;
    print->values = slots_of(b, cell);
    assert_int_equal(session_run(b->session), EBM_TEXT_WRONG);
    assert_string_equal(b->diagnostics.first->code, "E0610");
    bench_free(b);
}

/* ---- files ---- */

static char *read_bytes(const char *path, size_t *length)
{
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    char *bytes = calloc(1, 100000);
    *length = fread(bytes, 1, 100000, in);
    fclose(in);
    return bytes;
}

/* Trains and saves; the file's bytes. */
static char *train_and_save(size_t *length)
{
    Bench *b = bench_new();
    uint32_t p = add_value(b, "w", graph_step(b->script.graph)), cell;
    Train *train = add_train(b, p, 1, 1, 10, &cell);
    add_save(b, train, "models/fit.safetensors");
    add_claim(b, "w grew", add_value(b, "grew", map(b, OP_lt, number(b, 9), read_slot(b, cell))));
    assert_int_equal(session_run(b->session), EBM_WELL);
    char path[200];
    snprintf(path, sizeof path, "%s/models/fit.safetensors", b->out_dir);
    char *claims = safetensors_text(path, "ebm.claims"), *text = safetensors_text(path, "ebm.source");
    assert_string_equal(claims, "[{\"claim\": \"w grew\", \"holds\": true}]");       /* though it stands below the save */
    assert_string_equal(text, "by hand\n");
    free(claims);
    free(text);
    char *bytes = read_bytes(path, length);
    bench_free(b);
    return bytes;
}

static void the_same_run_saves_the_same_bytes(void **state)
{
    (void)state;
    size_t n, m;
    char *first = train_and_save(&n), *second = train_and_save(&m);
    assert_int_equal(n, m);
    assert_memory_equal(first, second, n);
    free(first);
    free(second);
}

static void files_stay_below_the_output_folder(void **state)
{
    (void)state;
    static const char *const outside[] = { "/tmp/x.safetensors", "../x.safetensors", "a/../../x.safetensors", "" };
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        Bench *b = bench_new();
        uint32_t p = add_value(b, "w", graph_step(b->script.graph)), cell;
        Train *train = add_train(b, p, 1, 1, 2, &cell);
        add_save(b, train, outside[i]);
        assert_int_equal(session_run(b->session), EBM_TEXT_WRONG);
        assert_string_equal(b->diagnostics.first->code, "E0810");
        assert_int_equal(b->wrote, 0);
        bench_free(b);
    }
}

/* ---- a changed text ---- */

/* a; b = 2a; the train from b; other = `other`. */
static Train *make_program(Bench *b, double other, uint32_t slots[4])
{
    slots[0] = add_value(b, "a", map(b, OP_add, number(b, 2), graph_step(b->script.graph)));
    slots[1] = add_value(b, "b", map(b, OP_mul, number(b, 2), read_slot(b, slots[0])));
    Train *train = add_train(b, slots[1], 1, 1, 10, &slots[2]);
    slots[3] = add_value(b, "other", map(b, OP_mul, number(b, other), read_slot(b, slots[0])));
    return train;
}

static void a_second_session_takes_over_what_did_not_change(void **state)
{
    (void)state;
    Bench *first = bench_new(), *second = bench_new();
    uint32_t old[4], new[4];
    make_program(first, 5, old);
    assert_int_equal(session_run(first->session), EBM_WELL);
    assert_true(session_ensure(first->session, old[3]));
    (void)graph_const(second->script.graph, 12345);              /* other node numbers */
    Train *train = make_program(second, 6, new);
    session_take_over(second->session, first->session);
    assert_true(train->done);
    assert_true(second->script.store->slots[new[0]].filled && second->script.store->slots[new[1]].filled);
    assert_true(fabs(value_of(second, new[2]) - 14) < 1e-12);
    assert_false(second->script.store->slots[new[3]].filled);
    bench_free(first);
    bench_free(second);
}

static void a_changed_start_has_the_train_run_again(void **state)
{
    (void)state;
    Bench *first = bench_new(), *second = bench_new();
    uint32_t old[4], cell;
    make_program(first, 5, old);
    assert_int_equal(session_run(first->session), EBM_WELL);
    uint32_t a = add_value(second, "a", map(second, OP_add, number(second, 3), graph_step(second->script.graph)));
    uint32_t c = add_value(second, "b", map(second, OP_mul, number(second, 2), read_slot(second, a)));
    Train *train = add_train(second, c, 1, 1, 10, &cell);
    session_take_over(second->session, first->session);
    assert_false(train->done);
    assert_false(second->script.store->slots[a].filled);
    assert_int_equal(session_run(second->session), EBM_WELL);
    assert_true(fabs(value_of(second, cell) - 16) < 1e-12);
    bench_free(first);
    bench_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_computed_when_it_is_needed),
        cmocka_unit_test(a_group_is_filled_together),
        cmocka_unit_test(all_claims_are_judged),
        cmocka_unit_test(a_train_moves_its_copy),
        cmocka_unit_test(records_see_values_before_the_commit),
        cmocka_unit_test(a_guard_that_stops_ends_the_run),
        cmocka_unit_test(rollbacks_that_do_not_help_end_with_an_error),
        cmocka_unit_test(an_interrupted_train_keeps_and_saves_its_state),
        cmocka_unit_test(a_value_of_a_later_train_is_refused),
        cmocka_unit_test(the_same_run_saves_the_same_bytes),
        cmocka_unit_test(files_stay_below_the_output_folder),
        cmocka_unit_test(a_second_session_takes_over_what_did_not_change),
        cmocka_unit_test(a_changed_start_has_the_train_run_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
