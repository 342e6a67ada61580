# Martlet: `make run` to see it, `make test` to trust it.

SWIFT       ?= swift
PREFIX      ?= /usr/local
SYSCONFDIR  ?= /etc
UNITDIR     ?= $(PREFIX)/lib/systemd/system
DESTDIR     ?=
# More for `swift test`, for instance: make test TEST_FLAGS='--filter WholeProgramTests'
TEST_FLAGS  ?=
RELEASE      = $(SWIFT) build -c release

.DEFAULT_GOAL := help
.PHONY: help run build test bench compare fuzz lint gate install clean dependencies test-dependencies

help: ## this list
	@echo 'Martlet: kernel-bypass flow capture'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | \
	  awk -F'|' '{ printf "%-22s %s\n", $$1, $$2 }'

run: build ## play a real capture through a DPDK port, watch its flows, read them from Redis
	@BIN="$$($(RELEASE) --show-bin-path)" exec config/run-demo

build: dependencies ## both programs, for release
	$(RELEASE) --product martletd
	$(RELEASE) --product martlet

test: test-dependencies ## all tests (MARTLET_STRICT=1: warnings are errors, as in CI)
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build $(TEST_FLAGS)
	@echo 'make test: all tests passed'

bench: dependencies ## the microbenchmarks
	MARTLET_BENCH=1 $(SWIFT) run -c release martlet-bench

# The capture is made where it is not there yet: 3 GiB of MARTLET_CAPTURES, or ../shared/captures.
# COMPARE_FLAGS='--markdown report.md' and more: bench/compare/run --help.
MIX           ?= .build-compare/mix.pcap
COMPARE_FLAGS ?=
compare: ## flows of one big capture: beside softflowd, nfpcapd, nDPI, Suricata, Zeek, tshark
	$(RELEASE) --product martlet
	@mkdir -p "$$(dirname "$(MIX)")"
	@test -e "$(MIX)" || bench/compare/make-mix "$(MIX)"
	@BIN="$$($(RELEASE) --show-bin-path)"; \
	  bench/compare/run "$(MIX)" --martlet "$$BIN/martlet" $(COMPARE_FLAGS)

lint: ## swift-format, strict
	$(SWIFT) format lint --strict --recursive --parallel --configuration .swift-format \
	  Sources Tests bench Package.swift

# FUZZ_SECONDS=3600 for a night's run; the corpus is kept in .build-fuzz/corpus.
FUZZ_SECONDS ?= 60
fuzz: ## a whole worker and the reader of capture files under libFuzzer and the address sanitizer
	mkdir -p .build-fuzz/corpus .build-fuzz/capture-corpus
	MARTLET_FUZZ=1 $(SWIFT) build -c release --scratch-path .build-fuzz -Xswiftc -sanitize=fuzzer,address \
	  --product martlet-fuzz-worker
	MARTLET_FUZZ=1 $(SWIFT) build -c release --scratch-path .build-fuzz -Xswiftc -sanitize=fuzzer,address \
	  --product martlet-fuzz-capture
	.build-fuzz/release/martlet-fuzz-worker -max_total_time=$(FUZZ_SECONDS) -max_len=4096 \
	  .build-fuzz/corpus
	.build-fuzz/release/martlet-fuzz-capture -max_total_time=$(FUZZ_SECONDS) -max_len=32768 \
	  .build-fuzz/capture-corpus

gate: build ## the hot path's rules, held in the release binary
	perf/hotpath-gate "$$($(RELEASE) --show-bin-path)/martletd"

# Run `make build` as yourself first: root should not build.
install: ## both programs, samples and the systemd unit under PREFIX (/usr/local) and /etc
	@BIN="$$($(RELEASE) --show-bin-path)"; \
	  test -x "$$BIN/martletd" -a -x "$$BIN/martlet" || { echo 'install: run make build first' >&2; exit 1; }; \
	  install -D -m 755 "$$BIN/martletd" "$(DESTDIR)$(PREFIX)/sbin/martletd" && \
	  install -D -m 755 "$$BIN/martlet" "$(DESTDIR)$(PREFIX)/bin/martlet"
	install -d "$(DESTDIR)$(SYSCONFDIR)/martlet"
	@for sample in config/*.yaml; do \
	  test -e "$$sample" || continue; \
	  echo "install $$sample"; \
	  install -m 644 "$$sample" "$(DESTDIR)$(SYSCONFDIR)/martlet/$$(basename "$$sample").sample"; done
	@test ! -e config/martletd.service || { \
	  mkdir -p "$(DESTDIR)$(UNITDIR)" && \
	  sed 's|@PREFIX@|$(PREFIX)|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g' config/martletd.service \
	    >"$(DESTDIR)$(UNITDIR)/martletd.service"; }

clean: ## what was built
	$(SWIFT) package clean

dependencies:
	@config/install-dependencies run

test-dependencies:
	@config/install-dependencies test
