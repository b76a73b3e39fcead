/* code.c: what can be said of code without running it: its text, its cost. */
#include "vm/code.h"

#include <stdlib.h>

void code_free(Code *code)
{
    if (!code) return;
    for (int i = 0; code->spares && i < code->n_slots; i++) free(code->spares[i]);
    arena_free(&code->memory);
    free(code->arena);
    free(code->tallies);
    free(code->constant_tiles);
    free(code);
}

const char *instr_name(const Instr *instr)
{
    static const char *const names[] = {
        [INSTR_MAP] = "map", [INSTR_FILL] = "fill", [INSTR_IOTA] = "iota", [INSTR_STEP] = "step", [INSTR_COPY] = "copy", [INSTR_ADD] = "add",
        [INSTR_FOLD_ROWS] = "fold rows", [INSTR_FOLD_LINE] = "fold line", [INSTR_ARG_ROWS] = "arg rows", [INSTR_ARG_LINE] = "arg line",
        [INSTR_PRODUCT] = "product", [INSTR_LANE_DOT] = "lane dot", [INSTR_GATHER] = "gather", [INSTR_SCATTER] = "scatter", [INSTR_PUT] = "put",
        [INSTR_DISTINCT] = "distinct", [INSTR_CUMSUM] = "cumsum", [INSTR_ARGSORT] = "argsort", [INSTR_SVD] = "svd",
        [INSTR_UNIFORM] = "uniform", [INSTR_NORMAL] = "normal", [INSTR_CHOOSE] = "choose", [INSTR_ROWS] = "rows", [INSTR_SWAP] = "swap", [INSTR_LOOP] = "loop",
        [INSTR_REGION] = "region", [INSTR_CHUNKS] = "slice",
    };
    return names[instr->kind];
}

/* ---- Text ---- */

static void print_ref(FILE *out, const Instr *instr, const Ref *ref)
{
    if (ref->base == BASE_NONE) fputs(" #", out);
    else if (ref->base < 0) fprintf(out, " elements%d+%lld", base_of_elements(ref->base) - BASE_SLOT, (long long)ref->offset);
    else if (ref->base == BASE_ARENA) fprintf(out, " arena+%lld", (long long)ref->offset);
    else if (ref->base == BASE_LOCAL) fprintf(out, " local+%lld", (long long)ref->offset);
    else if (ref->base == BASE_SLICE) fprintf(out, " slice+%lld", (long long)ref->offset);
    else fprintf(out, " slot%d+%lld", ref->base - BASE_SLOT, (long long)ref->offset);
    fputc('(', out);
    for (int d = 0; d < instr->n_dims; d++) fprintf(out, "%s%lld", d ? " " : "", (long long)ref->stride[d]);
    fputc(')', out);
    if (ref->chunk) fprintf(out, "+%lld/item", (long long)ref->chunk);
    if (ref->far) fputs(" far", out);
    if (ref->guarded) fputs(" guarded", out);
    if (ref->pass >= 0) fprintf(out, "+%lld/pass%d", (long long)ref->pass_stride, ref->pass);
}

static void print_steps(FILE *out, const TileProgram *t)
{
    fputs("  {", out);
    for (int i = 0; i < t->n_constants; i++) fprintf(out, " r%d=%g", t->constants[i].reg, t->constants[i].value);
    for (int i = 0; i < t->n_steps; i++) {
        const TileStep *s = &t->steps[i];
        int operands = op_info[s->op].operands;
        fprintf(out, " r%d=%s(r%d", s->dst, op_info[s->op].name, s->a);
        if (operands > 1) fprintf(out, ",r%d", s->b);
        if (operands > 2) fprintf(out, ",r%d", s->c);
        fputc(')', out);
    }
    fputs(" }", out);
}

/* The places, by the numbers of the dims they are made of, that are not left out. */
static void print_margin(FILE *out, const Margin *m)
{
    fprintf(out, "  within %lld: ", (long long)m->size);
    for (int k = 0; k < 2; k++) fprintf(out, "%lld*d%d + ", (long long)m->coef[k], m->dim[k]);
    fprintf(out, "%lld", (long long)m->offset);
}

static void print_block(FILE *out, const Block *block, int depth)
{
    for (int i = 0; i < block->n; i++) {
        const Instr *instr = block->at[i];
        fprintf(out, "%*s%s", 2 * depth, "", instr_name(instr));
        if (instr->kind == INSTR_REGION || instr->kind == INSTR_CHUNKS) {
            fprintf(out, " of %lld items in chunks of %lld\n", (long long)instr->items, (long long)instr->chunk);
        } else if (instr->kind == INSTR_LOOP) {
            fprintf(out, " %lld times%s\n", (long long)instr->passes, instr->flag ? " at most" : "");
        } else {
            if (instr->kind != INSTR_MAP && op_info[instr->op].family != FAMILY_LEAF) fprintf(out, " %s", op_info[instr->op].name);
            fprintf(out, " %%%u [", instr->node);
            for (int d = 0; d < instr->n_dims; d++)
                fprintf(out, "%s%lld%s", d ? " " : "", (long long)instr->dim[d], d == instr->lane ? "*" : d == instr->split ? "/" : "");
            fputc(']', out);
            for (int r = 0; r < instr->n_refs; r++) print_ref(out, instr, &instr->ref[r]);
            if (instr->tile) print_steps(out, instr->tile);
            for (int m = 0; m < instr->n_margins; m++) print_margin(out, &instr->margins[m]);
            if (instr->with) fprintf(out, "  with the next %d", instr->with);
            fputc('\n', out);
        }
        print_block(out, &instr->body, depth + 1);
    }
}

/* One line an instruction: name, op, node of the graph, dims (* the items of a chunk, / shared among threads), operands with their
 * strides, steps of a fused map. */
void code_print(FILE *out, const Code *code)
{
    fprintf(out, "arena %lld values, %lld a thread; %.4g flops, %.4g bytes a run\n", (long long)code->arena_values,
            (long long)code->local_values, code->cost.flops, code->cost.bytes);
    for (int i = 0; i < code->n_slots; i++)
        fprintf(out, "slot%d is %sslot %u%s%s\n", i, code->slots[i].spare ? "the next " : code->slots[i].elements ? "elements of " : "", code->slots[i].slot, code->slots[i].read ? ", read" : "", code->slots[i].written ? ", written" : "");
    print_block(out, &code->main, 0);
    fputs("commit\n", out);
    print_block(out, &code->commit, 1);
}

/* ---- Cost ---- */

static double nest_places(const Instr *instr)
{
    double places = 1;
    for (int d = 0; d < instr->n_dims; d++) places *= (double)instr->dim[d];
    return places;
}

/* How much of all places of its two dims a margin does not leave out. */
static double share_within(const Instr *instr, const Margin *m)
{
    int64_t within = 0, rows = instr->dim[m->dim[0]], columns = instr->dim[m->dim[1]];
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            int64_t at = m->offset + m->coef[0] * i + m->coef[1] * j;
            within += at >= 0 && at < m->size;
        }
    return (double)within / (double)(rows * columns);
}

/* Flops of a whole nest: a map's steps, two for each place of a product, else what the op's row says. */
double instr_flops(const Instr *instr)
{
    double flops = 0;
    if (instr->tile) {
        for (int i = 0; i < instr->tile->n_steps; i++) flops += op_info[instr->tile->steps[i].op].flops;
    } else if (instr->kind == INSTR_PRODUCT || instr->kind == INSTR_LANE_DOT) {
        flops = 2 * instr_terms(instr);
        for (int i = 0; i < instr->n_margins; i++) flops *= share_within(instr, &instr->margins[i]);
    } else if (instr->kind != INSTR_COPY && instr->kind != INSTR_FILL && instr->kind != INSTR_SWAP) {
        flops = op_info[instr->op].flops;
    }
    return flops * nest_places(instr);
}

int instr_results(const Instr *instr) { return instr->kind == INSTR_MAP ? instr->tile->n_results : 1; }

double instr_bytes(const Instr *instr, double bytes)
{
    double sum = 0;
    if (instr->kind == INSTR_SWAP) return 0;
    for (int r = 0; r < instr->n_refs; r++) {
        double places = bytes;
        for (int d = 0; d < instr->n_dims; d++)
            if (instr->ref[r].stride[d]) places *= (double)instr->dim[d];
        if (instr->ref[r].base >= 0) sum += places;
    }
    return sum;
}

static void add_cost(const Block *block, double times, double bytes, Cost *cost)
{
    for (int i = 0; i < block->n; i++) {
        const Instr *instr = block->at[i];
        if (instr->kind == INSTR_REGION || instr->kind == INSTR_CHUNKS) {
            add_cost(&instr->body, times * (double)instr->items / (double)instr->chunk, bytes, cost);
        } else if (instr->kind == INSTR_LOOP) {
            add_cost(&instr->body, times * (double)instr->passes, bytes, cost);
        } else {
            cost->flops += times * instr_flops(instr);
            cost->bytes += times * instr_bytes(instr, bytes);
        }
    }
}

Cost code_cost(const Code *code)
{
    double bytes = (double)precision_bytes(code->precision);
    Cost cost = { .arena = (code->arena_values + code->local_values) * (int64_t)bytes };
    add_cost(&code->main, 1, bytes, &cost);
    add_cost(&code->commit, 1, bytes, &cost);
    return cost;
}
