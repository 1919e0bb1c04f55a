# One Makefile, run from the root; `make help` lists the targets.
#
#	BUILD=folder     where everything goes (build)
#	SAN=address      also undefined, thread: a sanitizer, in a folder of its own
#	LTO=1            link-time optimisation, for releases
#	V=1              shows the commands

BUILD ?= build
SAN ?=
LTO ?= $(if $(filter install,$(MAKECMDGOALS)),1,)
PREFIX ?= /usr/local
WERROR ?= -Werror
CFLAGS ?= -O2 -g

# What a sanitizer or LTO changes is kept apart from the plain build.
OUT := $(BUILD)$(if $(SAN),/$(SAN))$(if $(LTO),/release)
PROGRAM := $(OUT)/respgres
LIBRARY := $(OUT)/librespgres.a
GENERATED := $(OUT)/generated
NODE_MODULES := $(BUILD)/node_modules

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
$(V).SILENT:

## flags ---------------------------------------------------------------------

PACKAGES := libpq libevent libevent_pthreads libevent_openssl hiredis jansson \
	libssl libcrypto libxxhash liblzf libzstd
# Asked once per run of make, and not by targets that need no library.
lazy = $(eval $(1) := $$(shell $(2)))$($(1))
PACKAGE_CFLAGS = $(call lazy,PACKAGE_CFLAGS,pkg-config --cflags $(PACKAGES))
PACKAGE_LIBS = $(call lazy,PACKAGE_LIBS,pkg-config --libs $(PACKAGES))
CRITERION_LIBS = $(call lazy,CRITERION_LIBS,pkg-config --libs criterion)

WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	$(WERROR)
FLAGS := -std=gnu11 -D_GNU_SOURCE -I. -I$(GENERATED) -fPIE
LINK := -pie -Wl,-z,relro,-z,now -Wl,--as-needed

SANITIZE.address := -fsanitize=address,undefined -fno-sanitize-recover=all
SANITIZE.undefined := -fsanitize=undefined -fno-sanitize-recover=all
SANITIZE.thread := -fsanitize=thread
SANITIZE.fuzzer := -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all
ifneq ($(SAN),)
ifndef SANITIZE.$(SAN)
$(error SAN is address, undefined or thread (fuzzer: see the target fuzz))
endif
FLAGS += $(SANITIZE.$(SAN)) -fno-omit-frame-pointer
LINK += $(subst fuzzer-no-link,fuzzer,$(SANITIZE.$(SAN)))
else
FLAGS += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
	-fstack-clash-protection
endif
ifeq ($(SAN),fuzzer)
CC := clang
endif
ifeq ($(LTO),1)
FLAGS += -flto=auto
LINK += -flto=auto
AR := gcc-ar
endif

COMPILE = $(CC) $(CPPFLAGS) $(FLAGS) $(WARNINGS) $(PACKAGE_CFLAGS) $(CFLAGS)

## sources -------------------------------------------------------------------

SOURCES := $(filter-out proxy/main.c,$(wildcard proxy/*.c commands/*.c \
	storage/*.c storage/*/*.c))
SUPPORT := $(wildcard tests/support/*.c)
UNIT := $(wildcard tests/unit/*.c)
STORAGE := $(wildcard tests/storage/*.c)
INTEGRATION := $(wildcard tests/integration/*.c tests/faults/*.c)
TESTS := $(UNIT) $(STORAGE) $(INTEGRATION)
SCRIPTS := $(sort $(wildcard tests/integration/*.py tests/integration/*.mjs \
	tests/integration/*.sh tests/faults/*.py tests/faults/*.sh \
	tests/consistency/*.py))
STATEMENTS := $(sort $(wildcard storage/sql/*.sql))
MIGRATIONS := $(sort $(wildcard storage/schema/*.sql))
FUNCTIONS := $(sort $(wildcard storage/schema/functions/*.sql))
EMBEDDED := $(addprefix $(GENERATED)/,statements.def migrations.def \
	functions.def)

object = $(patsubst %.c,$(OUT)/%.o,$(1))
program = $(patsubst %.c,$(OUT)/%,$(1))

all: $(PROGRAM) ## builds the program (the default)

$(PROGRAM): $(call object,proxy/main.c) $(LIBRARY)
	echo "  link    $@"
	$(CC) $(FLAGS) $(CFLAGS) $(LDFLAGS) $(LINK) -o $@ $^ $(PACKAGE_LIBS) \
		-lpthread -lm

$(LIBRARY): $(call object,$(SOURCES))
	echo "  archive $@"
	rm -f $@
	$(AR) rcs $@ $^

$(OUT)/libsupport.a: $(call object,$(SUPPORT))
	rm -f $@
	$(AR) rcs $@ $^

# Which sources exist and how they are compiled: rewritten only on a change,
# so that a removed file or another flag rebuilds what depends on it.
define remember
$(shell mkdir -p $(OUT); printf '%s\n' '$(2)' | cmp -s - $(OUT)/$(1) || \
	printf '%s\n' '$(2)' >$(OUT)/$(1))
endef
ifeq ($(filter clean help deps deps-test deps-lint format,$(MAKECMDGOALS)),)
$(call remember,sources,$(SOURCES) $(SUPPORT))
$(call remember,embedded,$(STATEMENTS) $(MIGRATIONS) $(FUNCTIONS))
$(call remember,flags,$(CC) $(CPPFLAGS) $(FLAGS) $(WARNINGS) $(CFLAGS))
endif
$(LIBRARY) $(OUT)/libsupport.a: $(OUT)/sources
$(EMBEDDED): $(OUT)/embedded

# Generated rows come first, as the very first build knows no dependencies.
$(OUT)/%.o: %.c $(OUT)/flags | $(EMBEDDED)
	echo "  compile $<"
	mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c -o $@ $<

$(GENERATED)/statements.def: $(STATEMENTS)
$(GENERATED)/migrations.def: $(MIGRATIONS)
$(GENERATED)/functions.def: $(FUNCTIONS)
$(GENERATED)/%.def: storage/embed_sql.awk
	echo "  embed   $@"
	mkdir -p $(@D)
	awk -f $< -v kind=$* $(filter %.sql,$^) </dev/null >$@

-include $(patsubst %.o,%.d,$(call object,$(SOURCES) $(SUPPORT) $(TESTS) \
	$(wildcard tests/fuzz/*.c) proxy/main.c))

## running -------------------------------------------------------------------

run: deps ## installs what is missing, builds, and serves on port 6379
	$(MAKE) all
	exec $(PROGRAM)

deps: ## installs the packages that building and running need
	deploy/install-dependencies build

deps-test: ## installs what the tests need
	deploy/install-dependencies build test

deps-lint: ## installs what lint and fuzz need
	deploy/install-dependencies build test lint

## tests ---------------------------------------------------------------------

test: deps-test ## builds and runs all tests
	$(MAKE) test-built

check: test ## the same as test

unit: $(call program,$(UNIT)) ## runs the unit tests
	$(RUN_TESTS) $^

storage-test: $(call program,$(STORAGE)) ## runs the tests of storage
	$(RUN_TESTS) $^

integration: $(call program,$(INTEGRATION)) $(PROGRAM) ## runs the tests against a running server
integration: $(if $(filter %.mjs,$(SCRIPTS)),$(NODE_MODULES)/.stamp)
	$(RUN_TESTS) $(call program,$(INTEGRATION)) $(SCRIPTS)

test-built: $(call program,$(TESTS)) $(PROGRAM)
test-built: $(if $(filter %.mjs,$(SCRIPTS)),$(NODE_MODULES)/.stamp)
	$(RUN_TESTS) $(call program,$(TESTS)) $(filter-out $(SKIPPED),$(SCRIPTS))

# PYTHON is Debian's, where the package python3-redis puts its module.
PYTHON ?= /usr/bin/python3
RUN_TESTS = RESPGRES_BINARY=$(abspath $(PROGRAM)) \
	NODE_MODULES=$(abspath $(NODE_MODULES)) PYTHON=$(PYTHON) \
	TEST_LOGS=$(OUT)/logs TEST_PREFIX=$(OUT)/ \
	ASAN_OPTIONS=detect_stack_use_after_return=1:$(ASAN_OPTIONS) \
	UBSAN_OPTIONS=print_stacktrace=1:$(UBSAN_OPTIONS) \
	tests/support/run-tests

$(call program,$(TESTS)): %: %.o $(OUT)/libsupport.a $(LIBRARY)
	echo "  link    $@"
	$(CC) $(FLAGS) $(CFLAGS) $(LDFLAGS) $(LINK) -o $@ $^ $(PACKAGE_LIBS) \
		$(CRITERION_LIBS) -lpthread -lm

$(NODE_MODULES)/.stamp: tests/integration/package-lock.json
	echo "  fetch   $(NODE_MODULES)"
	mkdir -p $(BUILD)
	cp tests/integration/package.json tests/integration/package-lock.json \
		$(BUILD)
	cd $(BUILD) && npm ci --ignore-scripts --no-audit --no-fund --silent
	touch $@

# What says nothing new there and takes minutes: servers killed, clients'
# libraries, advice from the database.
SLOW_UNDER_ASAN := tests/faults/kills.py tests/integration/pool_recommend.py \
	$(filter %.mjs,$(SCRIPTS))

asan: deps-test ## runs the tests under address and undefined sanitizers
	$(MAKE) SAN=address SKIPPED='$(SLOW_UNDER_ASAN)' test-built

FUZZ := $(wildcard tests/fuzz/*.c)
FUZZ_SECONDS ?= 60

fuzz: deps-lint ## fuzzes each target for FUZZ_SECONDS
	$(MAKE) SAN=fuzzer WERROR= fuzz-built

fuzz-built: $(call program,$(FUZZ))
	FUZZ_SECONDS=$(FUZZ_SECONDS) TEST_LOGS=$(OUT)/logs \
		tests/support/run-fuzz $^

$(call program,$(FUZZ)): %: %.o $(LIBRARY)
	echo "  link    $@"
	$(CC) $(FLAGS) $(CFLAGS) $(LDFLAGS) $(LINK) -o $@ $^ $(PACKAGE_LIBS) \
		-lpthread -lm

compat: deps-test ## plays the test suite of Redis itself at respgres
	$(MAKE) all
	RESPGRES_BINARY=$(abspath $(PROGRAM)) tests/compat/run
	$(MAKE) redis-compat.md

bench: deps-test ## measures side by side with redis-server and pgbench
	$(MAKE) LTO=1 all
	RESPGRES_BINARY=$(abspath $(BUILD)/release/respgres) bench/run

## checks --------------------------------------------------------------------

C_FILES = $(wildcard proxy/*.[ch] commands/*.[ch] storage/*.[ch] \
	storage/*/*.[ch] tests/*/*.[ch] bench/*/*.[ch])

format: deps-lint ## formats the C files
	clang-format -i $(C_FILES)

lint: deps-lint ## checks format, layers, sizes, and for mistakes
	$(MAKE) all $(EMBEDDED)
	RESPGRES_BINARY=$(abspath $(PROGRAM)) TEST_LOGS=$(OUT)/logs \
		LINT_FLAGS="-std=gnu11 -D_GNU_SOURCE -I. -I$(GENERATED) \
		$(PACKAGE_CFLAGS)" .ci/lint

sql-check: $(PROGRAM) ## prepares every SQL statement and looks at its plan
	RESPGRES_BINARY=$(abspath $(PROGRAM)) tests/support/sql-check \
		$(STATEMENTS)

redis-compat.md: $(PROGRAM) ## lists each Redis command and its state here
	$(PROGRAM) --compat >$@.new
	cat tests/compat/score.md >>$@.new
	mv $@.new $@

docs/configuration.md: $(PROGRAM) ## lists each directive of the configuration
	$(PROGRAM) --settings >$@.new
	mv $@.new $@

## installing ----------------------------------------------------------------

SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
BINDIR := $(DESTDIR)$(PREFIX)/bin
MANDIR := $(DESTDIR)$(PREFIX)/share/man/man1
UNITDIR := $(DESTDIR)$(PREFIX)/lib/systemd/system
USERDIR := $(DESTDIR)$(PREFIX)/lib/sysusers.d
EXAMPLEDIR := $(DESTDIR)$(PREFIX)/share/respgres
CONFIGDIR := $(DESTDIR)$(SYSCONFDIR)

install: $(PROGRAM) ## installs below DESTDIR and PREFIX (/usr/local)
	install -d $(BINDIR) $(MANDIR) $(UNITDIR) $(USERDIR) $(EXAMPLEDIR) \
		$(CONFIGDIR)
	install -m 755 $(PROGRAM) $(BINDIR)/respgres
	install -m 644 deploy/respgres.1 $(MANDIR)/respgres.1
	install -m 644 deploy/respgres.conf $(EXAMPLEDIR)/respgres.conf
	install -m 644 deploy/respgres.sysusers $(USERDIR)/respgres.conf
	sed -e 's|@bindir@|$(PREFIX)/bin|' -e 's|@sysconfdir@|$(SYSCONFDIR)|' \
		deploy/respgres.service >$(UNITDIR)/respgres.service
	chmod 644 $(UNITDIR)/respgres.service
	test -e $(CONFIGDIR)/respgres.conf || install -m 644 \
		deploy/respgres.conf $(CONFIGDIR)/respgres.conf

uninstall: ## removes what install put there; the edited config stays
	rm -f $(BINDIR)/respgres $(MANDIR)/respgres.1 \
		$(UNITDIR)/respgres.service $(USERDIR)/respgres.conf \
		$(EXAMPLEDIR)/respgres.conf
	if cmp -s deploy/respgres.conf $(CONFIGDIR)/respgres.conf; then \
		rm $(CONFIGDIR)/respgres.conf; fi
	-rmdir $(EXAMPLEDIR) 2>/dev/null

clean: ## removes what was built
	rm -rf $(BUILD)

help: ## shows this list
	awk -F ':.*## ' '/^[a-z][a-z.\/-]*:.*## / { \
		printf "  %-22s %s\n", $$1, $$2 }' Makefile

.PHONY: all run deps deps-test deps-lint test check unit storage-test \
	integration test-built asan fuzz fuzz-built compat bench format lint \
	sql-check redis-compat.md docs/configuration.md install uninstall clean help
