# Makefile: builds ebm.  `make` builds and installs nothing; `make demo` and `make test` set up first.
#
#   make            build/ebm, build/libebm.a, build/libebm.so
#   make demo       install what is missing (Debian packages), build, train the moons model
#   make demo-data  install the packages that hold the examples' data, and write what the examples read
#   make test       install what is missing, build, run all tests
#   make examples   every program of examples/ for its whole length (takes long)
#   make check-tests  the same tests without the set-up
#   make bench      how fast it is, beside PyTorch (installs it)
#   make sanitize   the tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   make lint       cppcheck, and the compiler's warnings as errors
#   make install PREFIX=/usr/local DESTDIR=

BUILD_DIR ?= build
PREFIX    ?= /usr/local
DESTDIR   ?=
CC        ?= cc
PKG_CONFIG ?= pkg-config

VERSION := $(shell sed -n 's/^.define EBM_VERSION "\(.*\)"/\1/p' lang/ebm.h)

# As many jobs as processors, unless told otherwise.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

PACKAGES := gcc libc6-dev make flex bison pkg-config libopenblas0-pthread libopenblas-dev libcmocka-dev zlib1g-dev libisal-dev \
            libcairo2-dev libedit-dev libjansson-dev libpng-dev libjpeg62-turbo-dev nettle-dev dataset-fashion-mnist cppcheck

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
SANITIZERS := -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
OPTIMIZE ?= -O2
CFLAGS   := -std=gnu11 $(OPTIMIZE) -g -fPIC -ffp-contract=off $(WARNINGS) $(EXTRA_CFLAGS)
CPPFLAGS := -I. -I$(BUILD_DIR)/gen -I$(BUILD_DIR)/gen/lang/text $(shell $(PKG_CONFIG) --cflags cairo 2>/dev/null)
LDFLAGS  := -pthread $(EXTRA_LDFLAGS)
LIBS     := $(shell $(PKG_CONFIG) --libs cairo 2>/dev/null || echo -lcairo) -lpng -ljpeg -ljansson -lnettle -lisal -ldl -lm
CLI_LIBS := -ledit

# `make V=1` shows the commands whole.
ifeq ($(V),)
say = @printf '  %-6s %s\n' $(1) '$(2)';
else
say =
endif

# Sources: every C file below vm/ and lang/ is the library, every one in cli/ is the program.
KERNEL_OWN :=
-include vm/kernel/build.mk
LIB_SOURCES  := $(filter-out $(KERNEL_OWN),$(sort $(shell find vm lang -name '*.c')))
GRAMMARS     := $(sort $(shell find lang -name '*.y'))
LEXERS       := $(sort $(shell find lang -name '*.l'))
STDLIB       := $(sort $(shell find stdlib -name '*.ebm'))
GENERATED    := $(GRAMMARS:%.y=$(BUILD_DIR)/gen/%.tab.c) $(LEXERS:%.l=$(BUILD_DIR)/gen/%.lex.c) $(BUILD_DIR)/gen/stdlib.c
GEN_HEADERS  := $(GRAMMARS:%.y=$(BUILD_DIR)/gen/%.tab.h)
GEN_OBJECTS  := $(GENERATED:%.c=%.o)
LIB_OBJECTS  := $(LIB_SOURCES:%.c=$(BUILD_DIR)/obj/%.o) $(GEN_OBJECTS) $(KERNEL_OBJECTS)
CLI_SOURCES  := $(sort $(wildcard cli/*.c))
CLI_OBJECTS  := $(CLI_SOURCES:%.c=$(BUILD_DIR)/obj/%.o)
TEST_SOURCES := $(sort $(wildcard tests/*_test.c))
TEST_HELPERS := $(filter-out $(TEST_SOURCES),$(sort $(wildcard tests/*.c)))
TEST_PROGRAMS := $(TEST_SOURCES:tests/%.c=$(BUILD_DIR)/tests/%)
TEST_HELPER_OBJECTS := $(TEST_HELPERS:%.c=$(BUILD_DIR)/obj/%.o)
TEST_SCRIPTS := $(filter-out $(SKIP_TESTS),$(sort $(wildcard tests/*_test.sh)))

.PHONY: all lib setup demo demo-data data-packages bench examples test check-tests sanitize lint install clean
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

all: $(BUILD_DIR)/ebm $(BUILD_DIR)/libebm.a $(BUILD_DIR)/libebm.so
lib: $(BUILD_DIR)/libebm.a

$(BUILD_DIR)/ebm: $(CLI_OBJECTS) $(BUILD_DIR)/libebm.a
	$(call say,link,$@)$(CC) $(CFLAGS) -o $@ $(CLI_OBJECTS) $(BUILD_DIR)/libebm.a $(LDFLAGS) $(CLI_LIBS) $(LIBS)

$(BUILD_DIR)/libebm.a: $(LIB_OBJECTS)
	$(call say,ar,$@)rm -f $@ && $(AR) rcs $@ $^

# The shared library shows only what ebm.h declares.
$(BUILD_DIR)/libebm.so: $(LIB_OBJECTS)
	@printf '{ global: ebm_*; local: *; };\n' > $(BUILD_DIR)/ebm.map
	$(call say,link,$@)$(CC) $(CFLAGS) -shared -Wl,-soname,libebm.so.0 -Wl,--version-script=$(BUILD_DIR)/ebm.map -o $@ $^ $(LDFLAGS) $(LIBS)

$(BUILD_DIR)/obj/%.o: %.c | $(GEN_HEADERS)
	@mkdir -p $(@D)
	$(call say,cc,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# What bison and flex write is theirs: it is compiled without the conversion warnings.
$(GEN_OBJECTS): %.o: %.c | $(GEN_HEADERS)
	$(call say,cc,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-conversion -Wno-sign-conversion -Wno-shadow -Wno-unused-function -Wno-missing-prototypes -MMD -MP -c -o $@ $<

$(BUILD_DIR)/gen/%.tab.c $(BUILD_DIR)/gen/%.tab.h &: %.y
	@mkdir -p $(@D)
	$(call say,bison,$<)bison -Wall -Werror=conflicts-sr -Werror=conflicts-rr -o $(BUILD_DIR)/gen/$*.tab.c --header=$(BUILD_DIR)/gen/$*.tab.h $<

$(BUILD_DIR)/gen/%.lex.c: %.l
	@mkdir -p $(@D)
	$(call say,flex,$<)flex -o $@ $<

# The library written in the language, as texts inside the program.
$(BUILD_DIR)/gen/stdlib.c: $(STDLIB) stdlib/embed.sh
	@mkdir -p $(@D)
	$(call say,embed,stdlib)sh stdlib/embed.sh $(STDLIB) > $@

-include $(LIB_SOURCES:%.c=$(BUILD_DIR)/obj/%.d) $(CLI_SOURCES:%.c=$(BUILD_DIR)/obj/%.d) $(TEST_HELPER_OBJECTS:.o=.d) $(GENERATED:%.c=%.d) $(TEST_PROGRAMS:%=%.d)

# --- set-up -----------------------------------------------------------------------------------------------------------------

# Asks dpkg what is missing of the packages $(1) and installs that alone; with nothing missing it changes nothing and needs no rights.
define install_missing
	@missing=; for p in $(1); do \
	    dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	    sudo=; if [ "$$(id -u)" != 0 ]; then sudo=sudo; fi; \
	    echo "installing:$$missing"; \
	    $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	fi
endef

setup:
	$(call install_missing,$(PACKAGES))

# --- use --------------------------------------------------------------------------------------------------------------------

# Real data for examples/tagger.ebm, series.ebm, paint.ebm and inpaint.ebm.
DATA_PACKAGES := dict-gcide python3-scipy python3-sklearn
demo-data: examples/words.tsv examples/series.csv examples/digits.npy

data-packages:
	$(call install_missing,$(DATA_PACKAGES))

examples/words.tsv: examples/data/words.py | data-packages
	/usr/bin/python3 $< /usr/share/dictd/gcide.dict.dz $@

examples/series.csv: examples/data/series.py | data-packages
	/usr/bin/python3 $< /usr/lib/python3/dist-packages/scipy/misc/ecg.dat $@

examples/digits.npy: examples/data/digits.py | data-packages
	/usr/bin/python3 $< /usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz $@

demo: setup
	@$(MAKE) --no-print-directory all
	@mkdir -p $(BUILD_DIR)/demo
	$(BUILD_DIR)/ebm run examples/moons.ebm --out $(BUILD_DIR)/demo --picture

# How long ebm takes to start; whether it computes what PyTorch does; and steps of the workloads by both, in one run.
bench: all
	$(call install_missing,python3 python3-torch libopenblas0-openmp dataset-fashion-mnist)
	bench/start.py --ebm $(BUILD_DIR)/ebm
	/usr/bin/python3 -W ignore bench/same.py --ebm $(BUILD_DIR)/ebm
	bench/run.py --ebm $(BUILD_DIR)/ebm

# --- tests ------------------------------------------------------------------------------------------------------------------

test: setup demo-data
	@$(MAKE) --no-print-directory check-tests

# CI tries the long ones out with --quick.
examples: setup demo-data
	@$(MAKE) --no-print-directory all
	BUILD_DIR=$(BUILD_DIR) EXAMPLES=whole sh tests/examples_test.sh

check-tests: all $(TEST_PROGRAMS)
	@BUILD_DIR=$(BUILD_DIR) sh tests/run.sh $(TEST_PROGRAMS) $(TEST_SCRIPTS)

$(BUILD_DIR)/tests/%: tests/%.c $(TEST_HELPER_OBJECTS) $(BUILD_DIR)/libebm.a
	@mkdir -p $(@D)
	$(call say,cc,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(TEST_HELPER_OBJECTS) $(BUILD_DIR)/libebm.a $(LDFLAGS) -lcmocka -lz $(LIBS)

# Without the tests that look at the sources or build their own copy.
sanitize: setup demo-data
	@$(MAKE) --no-print-directory check-tests BUILD_DIR=build/sanitize SKIP_TESTS="tests/bench_test.sh tests/threads_test.sh tests/moons_seeds_test.sh tests/one_row_test.sh tests/install_test.sh tests/codes_test.sh" OPTIMIZE=-O1 EXTRA_CFLAGS='$(SANITIZERS)' EXTRA_LDFLAGS='$(SANITIZERS)'

lint: setup
	@$(MAKE) --no-print-directory all BUILD_DIR=build/lint EXTRA_CFLAGS=-Werror
	cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -j $(shell nproc) \
	    --suppressions-list=tests/cppcheck.txt -I. $(LIB_SOURCES) $(CLI_SOURCES)

# --- install ----------------------------------------------------------------------------------------------------------------

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include \
	    $(DESTDIR)$(PREFIX)/share/ebm/stdlib $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(BUILD_DIR)/ebm $(DESTDIR)$(PREFIX)/bin/ebm
	install -m 644 $(BUILD_DIR)/libebm.a $(DESTDIR)$(PREFIX)/lib/libebm.a
	install -m 755 $(BUILD_DIR)/libebm.so $(DESTDIR)$(PREFIX)/lib/libebm.so.0
	ln -sf libebm.so.0 $(DESTDIR)$(PREFIX)/lib/libebm.so
	install -m 644 lang/ebm.h $(DESTDIR)$(PREFIX)/include/ebm.h
	install -m 644 $(STDLIB) $(DESTDIR)$(PREFIX)/share/ebm/stdlib/
	install -m 644 docs/ebm.1 $(DESTDIR)$(PREFIX)/share/man/man1/ebm.1
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' ebm.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/ebm.pc

clean:
	rm -rf $(BUILD_DIR)
