/* sweep.c: reverse and forward mode.  Both walk over the active nodes once and read the same rules: a rule is linear in g, so that with a
 * tangent put for g it gives the tangent. */
#include <assert.h>
#include <stdlib.h>
#include "lang/grad/grad_inner.h"

void sweep_begin(Sweep *s, Graph *g, const RuleChange *change, Node *const *outs, int n_outs, Node *const *wrt, int n_wrt)
{
    *s = (Sweep){ .g = g, .change = change, .wrt = wrt, .n_wrt = n_wrt };
    active_find(&s->active, g, change, outs, n_outs, wrt, n_wrt);
    s->at = calloc(s->active.size + 1, sizeof *s->at);
    s->results = calloc(s->active.size + 1, sizeof *s->results);
    if (!s->at || !s->results) abort();
}

void sweep_end(Sweep *s)
{
    for (int i = 0; i < s->active.n; i++)
        if (s->active.cone[i]->op == OP_loop) free(s->results[s->active.cone[i]->id]);
    active_free(&s->active);
    free(s->at);
    free(s->results);
}

static bool is_zero(const Node *n)
{
    if (n->op == OP_spread) n = n->in[0];
    return n->op == OP_const && n->value == 0;
}

void sweep_add(Sweep *s, Node *n, Node *cotangent)
{
    if (!cotangent || is_zero(cotangent)) return;
    cotangent = graph_fit(s->g, cotangent, n->axes);
    Node **cell = &s->at[n->id];
    *cell = *cell ? map2(s->g, OP_add, *cell, cotangent) : cotangent;
}

Node *sweep_fit(const Sweep *s, Node *tangent, const Node *n)
{
    Axes more = axes_common(&tangent->axes, &s->extra);
    return graph_fit(s->g, tangent, axes_union(&n->axes, &more));
}

Node **sweep_result(Sweep *s, const Loop *loop, int index)
{
    Node ***cells = &s->results[loop->node->id];
    if (!*cells) *cells = calloc((size_t)(loop->n_carry + loop->n_keep) + 1, sizeof **cells);
    if (!*cells) abort();
    return &(*cells)[index];
}

/* The value of an operand's rule with g for its cotangent or tangent. */
static Node *apply_rule(Sweep *s, const char *text, Node *n, Node *g)
{
    Names5 names = { n->in[0], n->n_in > 1 ? n->in[1] : NULL, n->n_in > 2 ? n->in[2] : NULL, n, g };
    Node *value = rule_value(s->g, text, &names);
    if (!value && s->change) ((RuleChange *)s->change)->failed = true;
    assert(value || s->change);
    return value;
}

/* ---- Reverse ---- */

static void pass_down(Sweep *s, Node *n, Node *cotangent)
{
    if (n->op == OP_implicit) {
        implicit_reverse(s, n, cotangent);
        return;
    }
    for (int k = 0; k < n->n_in; k++) {
        const char *text = s->active.is[n->in[k]->id] ? rule_text(s->change, n, k) : NULL;
        if (!text) continue;
        Node *part = *text == '@' ? special_reverse(s, n, k, cotangent) : apply_rule(s, text, n, cotangent);
        sweep_add(s, n->in[k], part);
    }
}

static void pass_down_result(Sweep *s, Node *n, Node *cotangent)
{
    Node **cell = sweep_result(s, n->loop, (int)n->key);
    *cell = *cell ? map2(s->g, OP_add, *cell, cotangent) : cotangent;
}

static void sweep_down(Sweep *s)
{
    const Origin *before = graph_origin(s->g);
    for (int i = s->active.n - 1; i >= 0; i--) {
        Node *n = s->active.cone[i];
        if (s->active.wrt[n->id] || is_in_closed_loop(n)) continue;
        graph_set_origin(s->g, n->origin);
        if (n->op == OP_loop && s->results[n->id]) loop_reverse(s, n);
        if (!s->at[n->id] || !s->active.is[n->id]) continue;
        if (n->op == OP_result) pass_down_result(s, n, s->at[n->id]);
        else pass_down(s, n, s->at[n->id]);
    }
    graph_set_origin(s->g, before);
}

static void reverse(Graph *g, const RuleChange *change, Node *const *outs, Node *const *seeds, int n_outs,
                    Node *const *wrt, int n_wrt, Node **result)
{
    Sweep s;
    sweep_begin(&s, g, change, outs, n_outs, wrt, n_wrt);
    for (int i = 0; i < n_outs; i++)
        if (s.active.is[outs[i]->id]) sweep_add(&s, outs[i], seeds[i]);
    sweep_down(&s);
    for (int i = 0; i < n_wrt; i++) result[i] = s.at[wrt[i]->id];
    sweep_end(&s);
}

void grad_reverse(Graph *g, Node *const *outs, Node *const *seeds, int n_outs, Node *const *wrt, int n_wrt, Node **result)
{
    reverse(g, NULL, outs, seeds, n_outs, wrt, n_wrt, result);
}

bool grad_reverse_changed(Graph *g, RuleChange *change, Node *const *outs, Node *const *seeds, int n_outs,
                          Node *const *wrt, int n_wrt, Node **result)
{
    reverse(g, change, outs, seeds, n_outs, wrt, n_wrt, result);
    return !change || !change->failed;
}

/* ---- Forward ---- */

static bool is_special(const Sweep *s, const Node *n)
{
    for (int k = 0; k < n->n_in; k++) {
        const char *text = rule_text(s->change, n, k);
        if (text) return *text == '@';
    }
    return false;
}

static Node *pass_up(Sweep *s, Node *n)
{
    Node *tangents[n->n_in + 1], *sum = NULL;
    for (int k = 0; k < n->n_in; k++) tangents[k] = rule_text(s->change, n, k) ? s->at[n->in[k]->id] : NULL;
    if (n->op == OP_implicit) return implicit_forward(s, n);
    if (is_special(s, n)) return special_forward(s, n, tangents);
    for (int k = 0; k < n->n_in; k++) {
        Node *part = tangents[k] ? apply_rule(s, rule_text(s->change, n, k), n, tangents[k]) : NULL;
        if (!part || is_zero(part)) continue;
        part = sweep_fit(s, part, n);
        sum = sum ? map2(s->g, OP_add, sum, part) : part;
    }
    return sum;
}

static void sweep_up(Sweep *s)
{
    const Origin *before = graph_origin(s->g);
    for (int i = 0; i < s->active.n; i++) {
        Node *n = s->active.cone[i];
        if (s->active.wrt[n->id] || is_in_closed_loop(n)) continue;
        graph_set_origin(s->g, n->origin);
        if (n->op == OP_loop) loop_forward(s, n);
        if (!s->active.is[n->id]) continue;
        if (n->op == OP_result) s->at[n->id] = *sweep_result(s, n->loop, (int)n->key);
        else s->at[n->id] = pass_up(s, n);
    }
    graph_set_origin(s->g, before);
}

static void forward(Graph *g, const RuleChange *change, Node *const *outs, int n_outs, Node *const *wrt, Node *const *tangents, int n_wrt,
                    Node **result)
{
    Sweep s;
    sweep_begin(&s, g, change, outs, n_outs, wrt, n_wrt);
    for (int i = 0; i < n_wrt; i++) {
        if (!tangents[i] || is_zero(tangents[i])) continue;
        Axes more = axes_minus(&tangents[i]->axes, &wrt[i]->axes);
        s.extra = axes_union(&s.extra, &more);
        s.at[wrt[i]->id] = graph_spread(g, tangents[i], wrt[i]->axes);
    }
    sweep_up(&s);
    for (int i = 0; i < n_outs; i++) {
        Node *t = s.active.is[outs[i]->id] ? s.at[outs[i]->id] : NULL;
        result[i] = t && !is_zero(t) ? sweep_fit(&s, t, outs[i]) : NULL;
    }
    sweep_end(&s);
}

void grad_forward(Graph *g, Node *const *outs, int n_outs, Node *const *wrt, Node *const *tangents, int n_wrt, Node **result)
{
    forward(g, NULL, outs, n_outs, wrt, tangents, n_wrt, result);
}

bool grad_forward_changed(Graph *g, RuleChange *change, Node *const *outs, int n_outs, Node *const *wrt, Node *const *tangents, int n_wrt,
                          Node **result)
{
    forward(g, change, outs, n_outs, wrt, tangents, n_wrt, result);
    return !change || !change->failed;
}
