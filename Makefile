# make | check | lint | e2e | crash | fuzz | bench | install [DESTDIR=] | clean
# SAN=1 builds and tests the same tree under AddressSanitizer and UBSan in build/san.
PREFIX  = /usr
SBINDIR = $(PREFIX)/sbin
BINDIR  = $(PREFIX)/bin
MANDIR  = $(PREFIX)/share/man
SYSCONF = /etc/waypost
SPOOL   = /var/spool/waypost
B       = build$(if $(SAN),/san)
CC      = gcc
CFLAGS  = -O2 -g
WARN    = -std=c11 -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wformat=2 -Wconversion -Werror=format-security \
	$(if $(CI),-Werror)
ifdef SAN
HARDEN  = -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
LINKSAN = -fsanitize=address,undefined
else
HARDEN  = -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
	-fstack-clash-protection -fcf-protection=full \
	-ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr
endif
ALLCFLAGS = $(WARN) $(HARDEN) -fPIE $(CFLAGS) -D_GNU_SOURCE -Isrc -MMD -MP
ALLLDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed \
	$(LINKSAN) $(LDFLAGS)

# What each program links; sendmail must never gain a line here.
LIBS_sendmail = -lconfuse
LIBS_waypostd = -lconfuse -lcurl -levent_core -lunbound -lssl -lcrypto -lidn2
LIBS_waypost  = $(LIBS_waypostd) -lgsasl -levent_extra
LIBS_waypost-smtpd = -lconfuse -levent_core -lssl -lcrypto -lgsasl -lunbound \
	-lseccomp -pthread
LIBS_tests    = $(LIBS_waypostd) -lseccomp -lgsasl

SRC   := $(wildcard src/*/*.c)
CMDS  := $(patsubst cmd/%/main.c,%,$(wildcard cmd/*/main.c))
UNITS := $(notdir $(basename $(wildcard tests/unit/test_*.c)))
FUZZ  := $(notdir $(basename $(wildcard tests/fuzz/fuzz_*.c)))
BENCH := $(notdir $(basename $(wildcard tests/bench/*.c)))
CRASH := $(filter-out fault scarce,$(notdir $(basename $(wildcard tests/crash/*.c))))
OBJS  := $(SRC:%.c=$(B)/%.o)
CMDOBJS := $(patsubst %.c,$(B)/%.o,$(wildcard cmd/*/*.c))

all: $(CMDS:%=$(B)/%)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo '  CC  $<'
	@$(CC) $(CPPFLAGS) $(ALLCFLAGS) -c -o $@ $<

$(B)/libwaypost.a: $(OBJS)
	@echo '  AR  $@'
	@rm -f $@ && $(AR) rcs $@ $^

.SECONDEXPANSION:
$(CMDS:%=$(B)/%): $(B)/%: $$(filter $(B)/cmd/%/$$(PERCENT),$(CMDOBJS)) $(B)/libwaypost.a
	@echo '  LD  $@'
	@$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBS_$*) $(LDLIBS)
PERCENT = %

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/libwaypost.a
	@echo '  LD  $@'
	@$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBS_tests) -lcmocka $(LDLIBS)

$(B)/tests/unit/test_options: $(B)/cmd/sendmail/options.o
$(B)/tests/unit/test_options: LDLIBS += $(B)/libwaypost.a
$(B)/tests/unit/test_talk: $(addprefix $(B)/cmd/sendmail/,talk.o talk_lines.o \
	line.o outcome.o)
$(B)/tests/unit/test_talk: LDLIBS += $(B)/libwaypost.a

$(B)/tests/bench/%: $(B)/tests/bench/%.o $(B)/libwaypost.a
	@echo '  LD  $@'
	@$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBS_tests) $(LDLIBS)

$(B)/tests/crash/%: $(B)/tests/crash/%.o $(B)/libwaypost.a
	@echo '  LD  $@'
	@$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBS_tests) $(LDLIBS)

# The fuzzers' bodies, replayed over their corpora by gcc's sanitizers.
$(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(B)/libwaypost.a
	@echo '  LD  $@'
	@$(CC) $(ALLLDFLAGS) -o $@ $^ $(LIBS_tests) $(LDLIBS)

$(B)/tests/crash/%.so: tests/crash/%.c
	@mkdir -p $(@D)
	@$(CC) $(WARN) -O2 -g -D_GNU_SOURCE -shared -fPIC -o $@ $< -ldl

units: $(UNITS:%=$(B)/tests/unit/%)
	@set -e; for t in $^; do $$t; done

replay: $(FUZZ:%=$(B)/tests/fuzz/%)
	@set -e; for t in $(FUZZ); do \
		$(B)/tests/fuzz/$$t tests/fuzz/corpus/$${t#fuzz_}; done

test-programs: $(UNITS:%=$(B)/tests/unit/%) $(FUZZ:%=$(B)/tests/fuzz/%) \
	$(BENCH:%=$(B)/tests/bench/%) $(CRASH:%=$(B)/tests/crash/%) \
	$(B)/tests/crash/fault.so $(B)/tests/crash/scarce.so

PAR = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
# In this order: what is missing is installed before anything is compiled.
check:
	tests/prepare
	$(MAKE) $(PAR) all test-programs
	$(if $(SAN),,$(MAKE) $(PAR) SAN=1 B=$(B)/san test-programs)
	SAN=$(SAN) tests/run $(B)

e2e crash bench: all test-programs
	tests/prepare
	tests/$@/run $(B)

# Coverage-guided runs: FUZZTIME seconds for each target.
FUZZTIME = 60
fuzz:
	tests/fuzz/run $(FUZZTIME)

lint:
	tests/lint

install: all
	contrib/install $(B) "$(DESTDIR)" $(PREFIX) $(SYSCONF) $(SPOOL)

clean:
	rm -rf build

.PHONY: all units replay test-programs check e2e crash bench fuzz lint install clean
.SECONDARY:
-include $(wildcard $(OBJS:.o=.d) $(CMDOBJS:.o=.d) $(B)/tests/*/*.d)
