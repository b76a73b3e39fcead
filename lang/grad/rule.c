/* rule.c: reads a rule of ops.def into nodes.
 *
 *   sum = product {(+|-) product}     product = factor {(*|/) factor}     factor = - factor | number | name | op(sum, ..) | (sum) */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "lang/grad/grad_inner.h"

typedef struct Reader { Graph *g; const char *at; const Names5 *names; } Reader;

static Node *read_sum(Reader *r);

static bool take(Reader *r, char c)
{
    while (*r->at == ' ') r->at++;
    if (*r->at != c) return false;
    r->at++;
    return true;
}

static Node *read_number(Reader *r)
{
    char *end;
    double value = strtod(r->at, &end);
    if (end == r->at) return NULL;
    r->at = end;
    return graph_const(r->g, value);
}

static Node *read_call(Reader *r, const char *name, size_t length)
{
    char text[32];
    if (length >= sizeof text) return NULL;
    memcpy(text, name, length);
    text[length] = 0;
    Op op = op_named(text);
    if (op == OP_COUNT || op_info[op].family != FAMILY_MAP) return NULL;
    Node *in[3] = { 0 };
    int n = 0;
    do {
        if (n == 3 || !(in[n] = read_sum(r))) return NULL;
        n++;
    } while (take(r, ','));
    if (!take(r, ')') || n != op_info[op].operands) return NULL;
    return graph_map(r->g, op, in[0], in[1], in[2]);
}

static Node *read_word(Reader *r)
{
    const char *start = r->at;
    while (isalnum((unsigned char)*r->at)) r->at++;
    size_t length = (size_t)(r->at - start);
    if (take(r, '(')) return read_call(r, start, length);
    if (length != 1) return NULL;
    switch (*start) {
    case 'x': return r->names->x;
    case 'y': return r->names->y;
    case 'z': return r->names->z;
    case 'r': return r->names->r;
    case 'g': return r->names->g;
    default: return NULL;
    }
}

static Node *read_factor(Reader *r)
{
    if (take(r, '-')) {
        Node *x = read_factor(r);
        return x ? map1(r->g, OP_neg, x) : NULL;
    }
    if (take(r, '(')) {
        Node *x = read_sum(r);
        return take(r, ')') ? x : NULL;
    }
    if (isdigit((unsigned char)*r->at) || *r->at == '.') return read_number(r);
    return read_word(r);
}

static Node *read_product(Reader *r)
{
    Node *x = read_factor(r);
    while (x) {
        Op op = take(r, '*') ? OP_mul : take(r, '/') ? OP_div : OP_COUNT;
        if (op == OP_COUNT) break;
        Node *y = read_factor(r);
        x = y ? map2(r->g, op, x, y) : NULL;
    }
    return x;
}

static Node *read_sum(Reader *r)
{
    Node *x = read_product(r);
    while (x) {
        Op op = take(r, '+') ? OP_add : take(r, '-') ? OP_sub : OP_COUNT;
        if (op == OP_COUNT) break;
        Node *y = read_product(r);
        x = y ? map2(r->g, op, x, y) : NULL;
    }
    return x;
}

Node *rule_value(Graph *g, const char *text, const Names5 *names)
{
    Reader r = { g, text, names };
    Node *value = read_sum(&r);
    while (*r.at == ' ') r.at++;
    return *r.at ? NULL : value;
}

const char *rule_text(const RuleChange *change, const Node *n, int operand)
{
    const char *text = op_info[n->op].vjp[op_info[n->op].operands < 0 ? 0 : operand];
    if (change && change->op == n->op && change->operand == operand) text = change->text;
    return text && strcmp(text, "0") ? text : NULL;
}
