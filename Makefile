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
MAKEFLAGS += --no-builtin-rules
$(V).SILENT:

## flags ---------------------------------------------------------------------

PACKAGES := libpq libevent libevent_pthreads libevent_openssl hiredis jansson \
	libcrypto libxxhash
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
$(error SAN is address, undefined or thread)
endif
FLAGS += $(SANITIZE.$(SAN)) -fno-omit-frame-pointer
LINK += $(filter-out -fsanitize=fuzzer%,$(SANITIZE.$(SAN)))
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
INTEGRATION := $(wildcard tests/integration/*.c)
SCRIPTS := $(sort $(wildcard tests/integration/*.py tests/integration/*.mjs \
	tests/integration/*.sh))
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

-include $(patsubst %.o,%.d,$(call object,$(SOURCES) $(SUPPORT) $(UNIT) \
	$(INTEGRATION) proxy/main.c))

## tests ---------------------------------------------------------------------

$(call program,$(UNIT) $(INTEGRATION)): %: %.o $(OUT)/libsupport.a $(LIBRARY)
	echo "  link    $@"
	$(CC) $(FLAGS) $(CFLAGS) $(LDFLAGS) $(LINK) -o $@ $^ $(PACKAGE_LIBS) \
		$(CRITERION_LIBS) -lpthread -lm

unit: $(call program,$(UNIT)) ## runs the unit tests
	for test in $^; do $$test || exit 1; done

help: ## shows this list
	awk -F ':.*## ' '/^[a-z][a-z.-]*:.*## / { \
		printf "  %-16s %s\n", $$1, $$2 }' Makefile

clean: ## removes what was built
	rm -rf $(BUILD)

.PHONY: all unit help clean
