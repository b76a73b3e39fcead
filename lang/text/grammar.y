/* grammar.y: the grammar of the language and the tree it builds.
 *
 * The reader (parse.c) decides where statements end: a SEP follows every statement, also the last one of a block or text.  So
 * `error SEP` is all that recovery needs.  No conflicts are allowed; a bare reduction (`x |> mean`) is told from an indexed
 * one (`mean[i] x[i]`) by the [ that follows. */
%require "3.8"
%define api.pure full
%define api.push-pull push
%define api.prefix {text_}
%define api.token.prefix {T_}
%define api.location.type {Span}
%define lr.type ielr
%define parse.lac full
%define parse.error custom
%locations
%header
%param { Reader *r }

%code requires {
#include "lang/text/build.h"
}

%code {
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#define YYMAXDEPTH 20000
#define YYLLOC_DEFAULT(whole, parts, n) \
    ((whole) = (n) ? span_join(YYRHSLOC(parts, 1), YYRHSLOC(parts, n)) \
                   : (Span){ YYRHSLOC(parts, 0).source, YYRHSLOC(parts, 0).end, YYRHSLOC(parts, 0).end })
static void text_error(const Span *place, Reader *r, const char *message);
static const Name no_name;
}

%union {
    const Token *token;
    Expr *expr;
    Exprs exprs;
    Names names;
    Args args;
    Subscripts subscripts;
    Type *type;
    Dims dims;
    Dim dim;
    Param param;
    Signature signature;
    Signatures signatures;
    Arg arg;
    Subscript subscript;
    Recorded recorded;
    Infer infer;
    Stmt *stmt;
    Block block;
    int op;
}

%token <token> NAME "a name" PRIMED "a primed name" NUMBER "a number" QUANTITY "a quantity" STRING "a text in quotes" DIGEST "a digest"
%token <token> INVALID "a character of no meaning"
%token <token> SEP "the end of the statement"
%token <token> ROLE "net" ENERGY "energy" FN "fn" PROCEDURE "solver" TRAIN "train"
%token <token> OPTION "option" DATA "data" SEED "seed" PRECISION "precision" EDITION "edition" USE "use"
%token <token> PARAM "param" STATE "state" TERM "term" REPEAT "repeat" AS "as" KEEP "keep" LOWER "lower" RAISE "raise" MINIMIZE "minimize"
%token <token> UPDATE "update" BY "by" GUARD "guard" ELSE "else" EVERY "every" UNTIL "until" CHECKPOINT "checkpoint" RECORD "record"
%token <token> PHASE "phase" CLAIM "claim" SHOW "show" SAVE "save" LOAD "load" PRINT "print"
%token <token> IF "if" THEN "then" ARGBEST "argmin" SAMPLE "sample" MARGINAL "marginal" EXPECTATION "expectation"
%token <token> OF "of" UNDER "under" GIVEN "given" FROM "from" THROUGH "through" LIKE "like" REDUCTION "a reduction"
%token <token> OR "or" AND "and" NOT "not" MOD "mod"
%token <token> ARROW "->" PIPE "|>" DOTS ".." LE "<=" GE ">=" EQ "==" NE "!="
%token <token> '+' '-' '*' '/' '^' '<' '>' '=' '~' ',' ';' ':' '.' '(' ')' '[' ']' '{' '}'

%precedence BARE
%precedence '['

%type <token> word keyword init_sign
%type <expr> expr whole pipe or and not cmp add mul mulc reduced unary pow exponent postfix primary bound elem by
%type <exprs> exprs elems targets given pairs from starts
%type <names> names
%type <args> args
%type <arg> arg
%type <subscripts> subscripts
%type <subscript> subscript
%type <type> type domain arrow
%type <dims> dims dim_list
%type <dim> dim
%type <param> param
%type <signature> signature params
%type <signatures> signatures
%type <recorded> recorded
%type <infer> through clauses wide
%type <stmt> top definition setting statement command bind
%type <block> items top_items block
%type <op> relation

%%

file: top_items { r->file->block = $1; r->file->block.span = @$; } ;

top_items:
    %empty                              { $$ = (Block){ 0 }; }
  | top_items top SEP                   { $$ = $1; LIST_ADD(r->arena, $$, $2); }
  | top_items error SEP                 { $$ = $1; yyerrok; }
  ;
top: definition | setting | command | bind ;

definition:
    ROLE NAME signatures arrow '=' whole    { $$ = stmt_def(r, $1, $2, $3, $4, $6, NULL, @$); }
  | ROLE NAME signatures arrow block        { $$ = stmt_def(r, $1, $2, $3, $4, NULL, &$5, @$); }
  | FN NAME signatures arrow '=' whole      { $$ = stmt_def(r, $1, $2, $3, $4, $6, NULL, @$); }
  | FN NAME signatures arrow block          { $$ = stmt_def(r, $1, $2, $3, $4, NULL, &$5, @$); }
  | ENERGY NAME signatures '=' expr         { $$ = stmt_def(r, $1, $2, $3, NULL, $5, NULL, @$); }
  | ENERGY NAME signatures block            { $$ = stmt_def(r, $1, $2, $3, NULL, NULL, &$4, @$); }
  | PROCEDURE NAME signatures block         { $$ = stmt_def(r, $1, $2, $3, NULL, NULL, &$4, @$); }
  | TRAIN NAME block                        { $$ = stmt_def(r, $1, $2, (Signatures){ 0 }, NULL, NULL, &$3, @$); }
  | ROLE NAME '=' expr                      { $$ = stmt_def(r, $1, $2, (Signatures){ 0 }, NULL, $4, NULL, @$); }
  | FN NAME '=' expr                        { $$ = stmt_def(r, $1, $2, (Signatures){ 0 }, NULL, $4, NULL, @$); }
  | ENERGY NAME '=' expr                    { $$ = stmt_def(r, $1, $2, (Signatures){ 0 }, NULL, $4, NULL, @$); }
  | PROCEDURE NAME '=' expr                 { $$ = stmt_def(r, $1, $2, (Signatures){ 0 }, NULL, $4, NULL, @$); }
  ;
arrow: %empty { $$ = NULL; } | "->" type { $$ = $2; } ;

signatures:
    signature                           { $$ = (Signatures){ 0 }; LIST_ADD(r->arena, $$, $1); }
  | signatures signature                { $$ = $1; LIST_ADD(r->arena, $$, $2); }
  ;
signature:
    '(' ')'                             { $$ = signature_of(r, (Signature){ 0 }, (Signature){ 0 }, @$); }
  | '(' params ')'                      { $$ = signature_of(r, $2, (Signature){ 0 }, @$); }
  | '(' params ';' params ')'           { $$ = signature_of(r, $2, $4, @$); }
  | '(' ';' params ')'                  { $$ = signature_of(r, (Signature){ 0 }, $3, @$); }
  ;
params:
    param                               { $$ = signature_add(r, (Signature){ 0 }, $1); }
  | params ',' param                    { $$ = signature_add(r, $1, $3); }
  ;
param:
    NAME                                { $$ = (Param){ .name = name_of($1), .span = @$ }; }
  | NAME ':' type                       { $$ = (Param){ .name = name_of($1), .type = $3, .span = @$ }; }
  | NAME '=' expr                       { $$ = (Param){ .name = name_of($1), .preset = $3, .span = @$ }; }
  | NAME ':' type '=' expr              { $$ = (Param){ .name = name_of($1), .type = $3, .preset = $5, .span = @$ }; }
  ;

type:
    dims                                { $$ = type_with_dims(type_new(r, DOMAIN_REAL, @$), $1, @$); }
  | domain
  | domain dims                         { $$ = type_with_dims($1, $2, @$); }
  | NAME dims                           { $$ = type_with_dims(type_new(r, DOMAIN_NAMED, @$), $2, @$); $$->name = name_of($1); }
  | LIKE NAME                           { $$ = type_new(r, DOMAIN_REAL, @$); $$->like = name_of($2); }
  ;
domain:
    '{' expr ".." expr '}'              { $$ = type_new(r, DOMAIN_RANGE, @$); $$->low = $2; $$->high = $4; }
  | '{' exprs '}'                       { $$ = type_new(r, DOMAIN_SET, @$); $$->set = $2; }
  | bound ".." bound                    { $$ = type_new(r, DOMAIN_BOX, @$); $$->low = $1; $$->high = $3; }
  ;
bound: NUMBER { $$ = bound_of(r, NULL, $1, @$); } | '-' NUMBER { $$ = bound_of(r, $1, $2, @$); } ;
dims: '[' ']' { $$ = (Dims){ 0 }; } | '[' dim_list ']' { $$ = $2; } ;
dim_list:
    dim                                 { $$ = (Dims){ 0 }; LIST_ADD(r->arena, $$, $1); }
  | dim_list ',' dim                    { $$ = $1; LIST_ADD(r->arena, $$, $3); }
  ;
dim: expr { $$ = (Dim){ .size = $1, .span = @$ }; } | ".." NAME { $$ = (Dim){ .rest = name_of($2), .span = @$ }; } ;

block: '{' items '}' { $$ = $2; $$.span = @$; } ;
items:
    %empty                              { $$ = (Block){ 0 }; }
  | items statement SEP                 { $$ = $1; LIST_ADD(r->arena, $$, $2); }
  | items error SEP                     { $$ = $1; yyerrok; }
  ;

setting:
    OPTION NAME '=' expr                { $$ = stmt_named(r, STMT_OPTION, $2, $4, @$); }
  | OPTION NAME '=' expr STRING         { $$ = stmt_string(stmt_named(r, STMT_OPTION, $2, $4, @$), $5); }
  | DATA NAME '=' expr                  { $$ = stmt_named(r, STMT_DATA, $2, $4, @$); }
  | DATA NAME ':' type '=' expr         { $$ = stmt_named(r, STMT_DATA, $2, $6, @$); $$->type = $4; }
  | SEED NUMBER                         { $$ = stmt_value(r, STMT_SEED, expr_number(r, $2), no_name, @$); }
  | PRECISION NAME                      { $$ = stmt_named(r, STMT_PRECISION, $2, NULL, @$); }
  | EDITION NUMBER                      { $$ = stmt_value(r, STMT_EDITION, expr_number(r, $2), no_name, @$); }
  | USE STRING                          { $$ = stmt_file(r, STMT_USE, $2, @$); }
  | USE STRING DIGEST                   { $$ = stmt_file(r, STMT_USE, $2, @$); $$->digest = $3->text; }
  | USE STRING AS NAME                  { $$ = stmt_file(r, STMT_USE, $2, @$); $$->name = name_of($4); }
  | USE STRING DIGEST AS NAME           { $$ = stmt_file(r, STMT_USE, $2, @$); $$->digest = $3->text; $$->name = name_of($5); }
  ;

command:
    CLAIM expr STRING                   { $$ = stmt_string(stmt_value(r, STMT_CLAIM, $2, no_name, @$), $3); }
  | SHOW expr                           { $$ = stmt_value(r, STMT_SHOW, $2, no_name, @$); }
  | SHOW expr "->" STRING               { $$ = stmt_string(stmt_value(r, STMT_SHOW, $2, no_name, @$), $4); }
  | SAVE expr "->" STRING               { $$ = stmt_string(stmt_value(r, STMT_SAVE, $2, no_name, @$), $4); }
  | LOAD STRING AS NAME                 { $$ = stmt_file(r, STMT_LOAD, $2, @$); $$->name = name_of($4); }
  | PRINT exprs                         { $$ = stmt_new(r, STMT_PRINT, @$); $$->list = $2; }
  ;

bind:
    expr                                { $$ = stmt_value(r, STMT_EXPR, $1, no_name, @$); }
  | targets '=' whole                   { $$ = stmt_bind(r, $1, false, $3, @$); }
  | targets '~' expr                    { $$ = stmt_bind(r, $1, true, $3, @$); }
  ;
targets: postfix { $$ = exprs_add(r, (Exprs){ 0 }, $1); } | targets ',' postfix { $$ = exprs_add(r, $1, $3); } ;

statement:
    bind
  | command
  | PARAM NAME ':' type init_sign expr  { $$ = stmt_cell(r, STMT_PARAM, $2, $4, $5, $6, @$); }
  | PARAM NAME init_sign expr           { $$ = stmt_cell(r, STMT_PARAM, $2, NULL, $3, $4, @$); }
  | STATE NAME ':' type init_sign expr  { $$ = stmt_cell(r, STMT_STATE, $2, $4, $5, $6, @$); }
  | STATE NAME init_sign expr           { $$ = stmt_cell(r, STMT_STATE, $2, NULL, $3, $4, @$); }
  | TERM NAME '=' expr                  { $$ = stmt_named(r, STMT_TERM, $2, $4, @$); }
  | REPEAT expr block                   { $$ = stmt_value(r, STMT_REPEAT, $2, no_name, @$); $$->block = $3; }
  | REPEAT expr AS NAME block           { $$ = stmt_value(r, STMT_REPEAT, $2, name_of($4), @$); $$->block = $5; }
  | KEEP expr                           { $$ = stmt_value(r, STMT_KEEP, $2, no_name, @$); }
  | KEEP expr AS word                   { $$ = stmt_value(r, STMT_KEEP, $2, name_of($4), @$); }
  | LOWER expr                          { $$ = stmt_value(r, STMT_LOWER, $2, no_name, @$); }
  | LOWER expr AS word                  { $$ = stmt_value(r, STMT_LOWER, $2, name_of($4), @$); }
  | RAISE expr                          { $$ = stmt_value(r, STMT_RAISE, $2, no_name, @$); }
  | RAISE expr AS word                  { $$ = stmt_value(r, STMT_RAISE, $2, name_of($4), @$); }
  | MINIMIZE expr                       { $$ = stmt_value(r, STMT_MINIMIZE, $2, no_name, @$); }
  | MINIMIZE expr AS word               { $$ = stmt_value(r, STMT_MINIMIZE, $2, name_of($4), @$); }
  | UPDATE exprs BY expr                { $$ = stmt_value(r, STMT_UPDATE, $4, no_name, @$); $$->list = $2; }
  | GUARD expr ELSE NAME                { $$ = stmt_value(r, STMT_GUARD, $2, name_of($4), @$); }
  | GUARD expr ELSE NAME STRING         { $$ = stmt_string(stmt_value(r, STMT_GUARD, $2, name_of($4), @$), $5); }
  | EVERY expr block                    { $$ = stmt_value(r, STMT_EVERY, $2, no_name, @$); $$->block = $3; }
  | UNTIL expr                          { $$ = stmt_value(r, STMT_UNTIL, $2, no_name, @$); }
  | CHECKPOINT EVERY expr               { $$ = stmt_value(r, STMT_CHECKPOINT, $3, no_name, @$); }
  | RECORD recorded                     { $$ = stmt_new(r, STMT_RECORD, @$); $$->list = $2.values; $$->as = $2.as.at; }
  | PHASE NAME block                    { $$ = stmt_named(r, STMT_PHASE, $2, NULL, @$); $$->block = $3; }
  ;
init_sign: '=' | '~' ;
recorded:
    expr                                { $$ = (Recorded){ 0 }; LIST_ADD(r->arena, $$.values, $1); LIST_ADD(r->arena, $$.as, no_name); }
  | expr AS word                        { $$ = (Recorded){ 0 }; LIST_ADD(r->arena, $$.values, $1); LIST_ADD(r->arena, $$.as, name_of($3)); }
  | recorded ',' expr                   { $$ = $1; LIST_ADD(r->arena, $$.values, $3); LIST_ADD(r->arena, $$.as, no_name); }
  | recorded ',' expr AS word           { $$ = $1; LIST_ADD(r->arena, $$.values, $3); LIST_ADD(r->arena, $$.as, name_of($5)); }
  ;

exprs: expr { $$ = exprs_add(r, (Exprs){ 0 }, $1); } | exprs ',' expr { $$ = exprs_add(r, $1, $3); } ;
names: NAME { $$ = names_add(r, (Names){ 0 }, $1); } | names ',' NAME { $$ = names_add(r, $1, $3); } ;

expr:
    pipe
  | FN signature "->" expr              { $$ = expr_lambda(r, $2, $4, @$); }
  | IF expr THEN expr ELSE expr         { $$ = expr_if(r, $2, $4, $6, @$); }
  | ARGBEST names OF clauses            { $$ = expr_infer(r, $1, $2, $4, @$); }
  | SAMPLE names OF clauses             { $$ = expr_infer(r, $1, $2, $4, @$); }
  | MARGINAL names OF clauses           { $$ = expr_infer(r, $1, $2, $4, @$); }
  | EXPECTATION names OF or UNDER clauses { $6.under = $6.of; $6.of = $4; $$ = expr_infer(r, $1, $2, $6, @$); }
  ;
/* With a starting point for each name, which inside a list would be read as its next element. */
whole:
    expr
  | ARGBEST names OF wide               { $$ = expr_infer(r, $1, $2, $4, @$); }
  | SAMPLE names OF wide                { $$ = expr_infer(r, $1, $2, $4, @$); }
  ;
clauses: or given by from through { $$ = $5; $$.of = $1; $$.given = $2; $$.by = $3; $$.from = $4; } ;
wide: or given by FROM starts through { $$ = $6; $$.of = $1; $$.given = $2; $$.by = $3; $$.from = $5; } ;
given: %empty { $$ = (Exprs){ 0 }; } | GIVEN pairs { $$ = $2; } ;
pairs:
    or ',' or                           { $$ = exprs_add(r, exprs_add(r, (Exprs){ 0 }, $1), $3); }
  | pairs ',' or ',' or                 { $$ = exprs_add(r, exprs_add(r, $1, $3), $5); }
  ;
by: BY postfix { $$ = $2; } ;
from: %empty { $$ = (Exprs){ 0 }; } | FROM or { $$ = exprs_add(r, (Exprs){ 0 }, $2); } ;
starts:
    or ',' or                           { $$ = exprs_add(r, exprs_add(r, (Exprs){ 0 }, $1), $3); }
  | starts ',' or                       { $$ = exprs_add(r, $1, $3); }
  ;
through: %empty { $$ = (Infer){ 0 }; } | THROUGH NAME { $$ = (Infer){ .through = name_of($2) }; } ;

pipe: or | pipe "|>" or { $$ = expr_pipe(r, $1, $3, $2, @$); } ;
or:   and | or OR and   { $$ = expr_binary(r, BINARY_OR, $2, $1, $3, @$); } ;
and:  not | and AND not { $$ = expr_binary(r, BINARY_AND, $2, $1, $3, @$); } ;
not:  cmp | NOT not     { $$ = expr_unary(r, UNARY_NOT, $1, $2, @$); } ;
cmp:  add | add relation add { $$ = expr_binary(r, (Binary)$2, NULL, $1, $3, @$); $$->op_span = @2; } ;
relation:
    '<'  { $$ = BINARY_LT; } | '>'  { $$ = BINARY_GT; }
  | "<=" { $$ = BINARY_LE; } | ">=" { $$ = BINARY_GE; }
  | "==" { $$ = BINARY_EQ; } | "!=" { $$ = BINARY_NE; }
  ;
add:
    mul
  | add '+' mul                         { $$ = expr_binary(r, BINARY_ADD, $2, $1, $3, @$); }
  | add '-' mul                         { $$ = expr_binary(r, BINARY_SUB, $2, $1, $3, @$); }
  ;
/* A reduction's body is a product, so a reduction can only be the last factor. */
mul:
    mulc
  | reduced
  | mulc '*' reduced                    { $$ = expr_binary(r, BINARY_MUL, $2, $1, $3, @$); }
  | mulc '/' reduced                    { $$ = expr_binary(r, BINARY_DIV, $2, $1, $3, @$); }
  | mulc MOD reduced                    { $$ = expr_binary(r, BINARY_MOD, $2, $1, $3, @$); }
  ;
mulc:
    unary
  | mulc '*' unary                      { $$ = expr_binary(r, BINARY_MUL, $2, $1, $3, @$); }
  | mulc '/' unary                      { $$ = expr_binary(r, BINARY_DIV, $2, $1, $3, @$); }
  | mulc MOD unary                      { $$ = expr_binary(r, BINARY_MOD, $2, $1, $3, @$); }
  ;
reduced:
    REDUCTION '[' subscripts ']' mul    { $$ = expr_reduce(r, $1, $3, $5, @$); }
  | ARGBEST '[' subscripts ']' mul      { $$ = expr_reduce(r, $1, $3, $5, @$); }
  | '-' reduced                         { $$ = expr_unary(r, UNARY_NEG, $1, $2, @$); }
  ;
unary: pow | '-' unary                  { $$ = expr_unary(r, UNARY_NEG, $1, $2, @$); } ;
pow: postfix | postfix '^' exponent     { $$ = expr_binary(r, BINARY_POW, $2, $1, $3, @$); } ;
exponent: pow | '-' exponent            { $$ = expr_unary(r, UNARY_NEG, $1, $2, @$); } ;

postfix:
    primary
  | postfix '(' ')'                     { $$ = expr_call(r, $1, (Args){ 0 }, (Args){ 0 }, false, @$); }
  | postfix '(' args ')'                { $$ = expr_call(r, $1, $3, (Args){ 0 }, false, @$); }
  | postfix '(' args ';' args ')'       { $$ = expr_call(r, $1, $3, $5, true, @$); }
  | postfix '(' ';' args ')'            { $$ = expr_call(r, $1, (Args){ 0 }, $4, true, @$); }
  | postfix '[' subscripts ']'          { $$ = expr_index(r, $1, $3, @$); }
  | postfix '.' word                    { $$ = expr_field(r, $1, $3, @$); }
  ;
primary:
    NUMBER                              { $$ = expr_number(r, $1); }
  | QUANTITY                            { $$ = expr_number(r, $1); }
  | STRING                              { $$ = expr_string(r, $1); }
  | NAME                                { $$ = expr_name(r, $1); }
  | PRIMED                              { $$ = expr_name(r, $1); }
  | REDUCTION %prec BARE                { $$ = expr_name(r, $1); }
  | ARGBEST %prec BARE                  { $$ = expr_name(r, $1); }
  | LOAD '(' args ')'                   { $$ = expr_call(r, expr_name(r, $1), $3, (Args){ 0 }, false, @$); }
  | LIKE NAME                           { $$ = expr_named(r, EXPR_LIKE, $2, @$); }
  | '(' whole ')'                       { $$ = expr_widen($2, @$); }
  | '[' ']'                             { $$ = expr_array(r, (Exprs){ 0 }, @$); }
  | '[' elems ']'                       { $$ = expr_array(r, $2, @$); }
  ;
elems: elem { $$ = exprs_add(r, (Exprs){ 0 }, $1); } | elems ',' elem { $$ = exprs_add(r, $1, $3); } ;
elem: expr | ".." NAME                  { $$ = expr_named(r, EXPR_REST, $2, @$); } ;

subscripts:
    subscript                           { $$ = (Subscripts){ 0 }; LIST_ADD(r->arena, $$, $1); }
  | subscripts ',' subscript            { $$ = $1; LIST_ADD(r->arena, $$, $3); }
  ;
subscript:
    expr                                { $$ = subscript_at($1); }
  | ':'                                 { $$ = subscript_all(@$); }
  | expr ':'                            { $$ = subscript_slice($1, NULL, @$); }
  | ':' expr                            { $$ = subscript_slice(NULL, $2, @$); }
  | expr ':' expr                       { $$ = subscript_slice($1, $3, @$); }
  ;

args:
    arg                                 { $$ = (Args){ 0 }; LIST_ADD(r->arena, $$, $1); }
  | args ',' arg                        { $$ = $1; LIST_ADD(r->arena, $$, $3); }
  ;
arg: expr { $$ = (Arg){ .value = $1 }; } | word '=' expr { $$ = (Arg){ .name = name_of($1), .value = $3 }; } ;

word: NAME | keyword ;
keyword:
    ROLE | ENERGY | FN | PROCEDURE | TRAIN | OPTION | DATA | SEED | PRECISION | EDITION | USE
  | PARAM | STATE | TERM | REPEAT | AS | KEEP | LOWER | RAISE | MINIMIZE | UPDATE | BY | GUARD | ELSE | EVERY | UNTIL | CHECKPOINT
  | RECORD | PHASE | CLAIM | SHOW | SAVE | LOAD | PRINT | IF | THEN | ARGBEST | SAMPLE | MARGINAL | EXPECTATION
  | OF | UNDER | GIVEN | FROM | THROUGH | LIKE | REDUCTION | OR | AND | NOT | MOD
  ;

%%

/* Whether a token of this kind, on the parser's stack, names the construct it begins. */
static bool begins_construct(yysymbol_kind_t kind)
{
    switch (kind) {
    case YYSYMBOL_ROLE: case YYSYMBOL_ENERGY: case YYSYMBOL_FN: case YYSYMBOL_PROCEDURE: case YYSYMBOL_TRAIN: case YYSYMBOL_OPTION:
    case YYSYMBOL_DATA: case YYSYMBOL_SEED: case YYSYMBOL_PRECISION: case YYSYMBOL_EDITION: case YYSYMBOL_USE: case YYSYMBOL_PARAM:
    case YYSYMBOL_STATE: case YYSYMBOL_TERM: case YYSYMBOL_REPEAT: case YYSYMBOL_KEEP: case YYSYMBOL_LOWER: case YYSYMBOL_RAISE:
    case YYSYMBOL_MINIMIZE: case YYSYMBOL_UPDATE: case YYSYMBOL_GUARD: case YYSYMBOL_EVERY: case YYSYMBOL_UNTIL:
    case YYSYMBOL_CHECKPOINT: case YYSYMBOL_RECORD: case YYSYMBOL_PHASE: case YYSYMBOL_CLAIM: case YYSYMBOL_SHOW: case YYSYMBOL_SAVE:
    case YYSYMBOL_LOAD: case YYSYMBOL_PRINT: case YYSYMBOL_IF: case YYSYMBOL_ARGBEST: case YYSYMBOL_SAMPLE: case YYSYMBOL_MARGINAL:
    case YYSYMBOL_EXPECTATION: case YYSYMBOL_REDUCTION:
        return true;
    default:
        return false;
    }
}

/* What is on the stack and not yet reduced is not finished: the innermost keyword there is what was being read. */
static const Token *innermost_construct(const yypstate *parser)
{
    const yy_state_t *state = parser->yyssp;
    const YYSTYPE *value = parser->yyvsp;
    for (; state > parser->yyss; state--, value--) {
        yysymbol_kind_t kind = YY_CAST(yysymbol_kind_t, yystos[*state]);
        if (kind == YYSYMBOL_items) return NULL;
        if (begins_construct(kind)) return value->token;
    }
    return NULL;
}

static int yyreport_syntax_error(const yypcontext_t *context, Reader *r)
{
    enum { ROOM = sizeof ((Mishap *)0)->expected / sizeof (char *) };
    yysymbol_kind_t expected[ROOM];
    int n = yypcontext_expected_tokens(context, expected, ROOM);
    Mishap mishap = { .n_expected = n > 0 ? n : 0, .construct = innermost_construct(context->yyps) };
    for (int i = 0; i < mishap.n_expected; i++) mishap.expected[i] = yysymbol_name(expected[i]);
    explain_mishap(r, &mishap);
    r->failed = true;
    return 0;
}

/* Only called when the parser's stack is full. */
static void text_error(const Span *place, Reader *r, const char *message)
{
    (void)message;
    reader_error(r, "E0109", *place, "the text is nested too deeply here");
    r->failed = true;
}
