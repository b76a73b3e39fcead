/* join.c: steps of a tile program that run as one (vm/kernel/joined.def): chains of sums and products, and curves with the sum they are of and the product
 * with their argument.  Each saves tiles to write and to read, and its operations run beside each other.
 *
 * A step that joins a later one reads its operands later than where it stood, and one that joins an earlier one writes its result earlier.  As
 * registers are used again, each asks whether a step between minds. */
#include "lang/plan/inside.h"

#include <string.h>

/* What a chain is made of: the step or chain before its last step, and that; its number of operands.  second: what comes before is the last one's second operand;
 * either: or the first one's. */
typedef struct Chain { uint8_t code, before, last; bool second, either; int operands; } Chain;
static const Chain chains[] = {
#define LAST_add  OP_add, true, true
#define LAST_mul  OP_mul, true, true
#define LAST_sub  OP_sub, false, false
#define LAST_from OP_sub, true, false
#define JOINED2(inner, outer, ...) { JOINED_##inner##_##outer, OP_##inner, LAST_##outer, 3 },
#define JOINED3(inner, outer, ...) { JOINED_##inner##_##outer, JOINED_##inner, LAST_##outer, 4 },
#define JOINED4(inner, outer, ...) { JOINED_##inner##_##outer, JOINED_##inner, LAST_##outer, 5 },
#include "vm/kernel/joined.def"
};

/* The step of a curve with the sum it is of, with the product with its argument, and with both; 0 where there is none. */
typedef struct Curve { uint8_t of_sum, gate, gate_of_sum; } Curve;

static Curve curve_of(int op)
{
    Curve curve = { 0 };
#define CURVED(f) if (op == OP_##f) curve.of_sum = JOINED_add_##f;
#define GATED(f) if (op == OP_##f) { curve.gate = JOINED_##f##_gate; curve.gate_of_sum = JOINED_add_##f##_gate; }
#include "vm/kernel/joined.def"
    return curve;
}

typedef struct Joining { const TileUses *uses; TileStep *steps; bool *gone; int n; } Joining;

/* ---- What the steps between read and write ---- */

/* Registers that a step does not use are 0 in it: at worst two steps stay apart. */
static bool reads(const TileStep *s, int reg) { return s->a == reg || s->b == reg || s->c == reg || s->d == reg || s->e == reg; }
static bool writes(const TileStep *s, int reg) { return s->dst == reg || (s->op > JOINED_LAST_CHAIN && (s->sum == reg || s->curve == reg)); }

static bool written_between(const Joining *j, int from, int to, int reg)
{
    for (int m = from + 1; m < to; m++)
        if (!j->gone[m] && writes(&j->steps[m], reg)) return true;
    return false;
}

static bool read_between(const Joining *j, int from, int to, int reg)
{
    for (int m = from + 1; m < to; m++)
        if (!j->gone[m] && reads(&j->steps[m], reg)) return true;
    return false;
}

/* The step that makes operand k of a step as it stood at first; negative: it comes from outside. */
static int maker(const Joining *j, int step, int k) { return j->uses->made_at[step][k] - j->uses->from; }

/* ---- Curves ---- */

/* The sum that a curve is of, if it may wait for the curve; -1 if there is none. */
static int sum_below(const Joining *j, int curve)
{
    int i = maker(j, curve, 0);
    if (i < 0 || j->gone[i] || j->steps[i].op != OP_add) return -1;
    const TileStep *sum = &j->steps[i];
    bool minds = written_between(j, i, curve, sum->a) || written_between(j, i, curve, sum->b) || read_between(j, i, curve, sum->dst);
    return minds ? -1 : i;
}

/* Whether operand k of a step is the curve and the other one the curve's argument. */
static bool is_gate(const Joining *j, int step, int k, int curve)
{
    int argument = maker(j, curve, 0);
    if (maker(j, step, k) != curve) return false;
    if (argument >= 0) return maker(j, step, !k) == argument;
    return maker(j, step, !k) < 0 && (k ? j->steps[step].a : j->steps[step].b) == j->steps[curve].a;
}

/* The product of a curve and its argument, if it may be made with the curve; -1 if there is none. */
static int gate_above(const Joining *j, int curve)
{
    for (int i = curve + 1; i < j->n; i++) {
        const TileStep *s = &j->steps[i];
        if (j->gone[i] || s->op != OP_mul || !(is_gate(j, i, 0, curve) || is_gate(j, i, 1, curve))) continue;
        return written_between(j, curve, i, s->dst) || read_between(j, curve, i, s->dst) ? -1 : i;
    }
    return -1;
}

static void join_curve(const Joining *j, int i)
{
    TileStep *s = &j->steps[i];
    Curve curve = curve_of(s->op);
    int sum = curve.of_sum ? sum_below(j, i) : -1, gate = curve.gate ? gate_above(j, i) : -1;
    if (sum < 0 && gate < 0) return;
    s->op = sum < 0 ? curve.gate : gate < 0 ? curve.of_sum : curve.gate_of_sum;
    s->curve = s->dst;
    if (gate >= 0) s->dst = j->steps[gate].dst;
    s->sum = s->dst;
    if (sum >= 0) {
        s->sum = j->steps[sum].dst;
        s->a = j->steps[sum].a;
        s->b = j->steps[sum].b;
        j->gone[sum] = true;
    }
    if (gate >= 0) j->gone[gate] = true;
}

/* ---- Chains ---- */

static const Chain *chain_of(int before, int last, int k)
{
    for (size_t c = 0; c < sizeof chains / sizeof *chains; c++)
        if (chains[c].before == before && chains[c].last == last && (chains[c].either || chains[c].second == k)) return &chains[c];
    return NULL;
}

/* Joins the step or chain that makes operand k of a step to it, if that step alone uses what it makes; false if they stay apart. */
static bool join_chain(const Joining *j, int step, int k)
{
    int i = maker(j, step, k);
    if (i < 0 || j->gone[i] || j->uses->stored[i] || j->uses->within[i] != 1) return false;
    const Chain *chain = chain_of(j->steps[i].op, j->steps[step].op, k);
    if (!chain) return false;
    TileStep s = j->steps[i];
    uint8_t *operand[] = { &s.a, &s.b, &s.c, &s.d, &s.e };
    for (int n = 0; n < chain->operands - 1; n++)
        if (written_between(j, i, step, *operand[n])) return false;
    *operand[chain->operands - 1] = k ? j->steps[step].a : j->steps[step].b;
    s.op = chain->code;
    s.dst = j->steps[step].dst;
    j->steps[step] = s;
    j->gone[i] = true;
    return true;
}

void join_steps(Planner *p, const TileUses *uses, TileProgram *program)
{
    int n = program->n_steps;
    Joining j = { uses, ARENA_ARRAY(&p->work, TileStep, n), ARENA_ARRAY(&p->work, bool, n), n };
    memcpy(j.steps, program->steps, (size_t)n * sizeof *j.steps);
    memset(j.gone, 0, (size_t)n * sizeof *j.gone);
    for (int i = 0; i < n; i++) join_curve(&j, i);
    for (int i = 0; i < n; i++) {
        int op = j.steps[i].op;
        if (!j.gone[i] && (op == OP_add || op == OP_sub || op == OP_mul) && !join_chain(&j, i, 0)) join_chain(&j, i, 1);
    }
    program->joined = ARENA_ARRAY(p->memory, TileStep, n);
    for (int i = 0; i < n; i++)
        if (!j.gone[i]) program->joined[program->n_joined++] = j.steps[i];
}
