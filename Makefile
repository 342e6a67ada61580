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
.PHONY: help run build test bench bench-core bench-build bench-linerate bench-publish compare soak fuzz fuzz-seeds check-crypto lint gate install clean \
  dependencies test-dependencies

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
	MARTLET_BENCH=1 $(SWIFT) build --build-tests
	@log="$$(mktemp)"; trap 'rm -f "$$log"' EXIT; \
	  { MARTLET_BENCH=1 $(SWIFT) test --skip-build $(TEST_FLAGS) 2>&1; echo "exit status $$?"; } | tee "$$log"; \
	  if [ "$$(tail -n 1 "$$log")" != 'exit status 0' ]; then \
	    echo 'make test: what failed, once more:'; \
	    grep -A 2 'recorded an issue\|Fatal error\|: error:' "$$log" | cut -c 1-600 | tail -n 60; \
	    exit 1; \
	  fi
	@echo 'make test: all tests passed'

# BENCH_FLAGS='--part ceiling --markdown report.md' and more: martlet-bench --help, bench/README.md.
BENCH_FLAGS ?=
bench: bench-core bench-linerate bench-publish compare ## all benches, one after the other: an hour on two cores

bench-core: bench-build ## one core on packets from memory: ceiling, stages, beside C, two cores, memory
	@BIN="$$($(BENCH_RELEASE) --show-bin-path)"; "$$BIN/martlet-bench" $(BENCH_FLAGS)

BENCH_RELEASE = MARTLET_BENCH=1 $(RELEASE)
bench-build: dependencies
	$(BENCH_RELEASE) --product martlet-bench

# Two cores, root and hugepages. LINERATE_FLAGS='--part soak --markdown report.md' and more:
# bench/linerate/run --help.
LINERATE_FLAGS ?=
bench-linerate: dependencies ## the highest lossless rate through a virtio queue, a soak at line rate, real protocols at 10 Gbit/s
	MARTLET_BENCH=1 $(RELEASE) --product martlet-linerate
	MARTLET_BENCH=1 $(RELEASE) --product martletd
	MARTLET_BENCH=1 $(RELEASE) --product martlet
	@bench/linerate/run --bin "$$($(RELEASE) --show-bin-path)" $(LINERATE_FLAGS)

# SOAK_SECONDS=3600 for a night's run.
SOAK_SECONDS ?= 300
soak: test-dependencies ## faults of Redis at random and a target that is down, SOAK_SECONDS (300), each record checked
	MARTLET_BENCH=1 $(SWIFT) build --build-tests
	MARTLET_SOAK_SECONDS=$(SOAK_SECONDS) MARTLET_BENCH=1 $(SWIFT) test --skip-build --filter 'RedisFaultTests|aTargetThatIsDownForLong'

# Its own Redis on a UNIX socket. PUBLISH_FLAGS='--rounds 9 --markdown report.md' and more:
# bench/publish/run --help.
PUBLISH_FLAGS ?=
bench-publish: dependencies ## the Redis publisher beside redis-benchmark -P, entries of the same size
	$(BENCH_RELEASE) --product martlet-publish
	@bench/publish/run "$$($(BENCH_RELEASE) --show-bin-path)/martlet-publish" $(PUBLISH_FLAGS)

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

# FUZZ_SECONDS=3600 for a night's run, of each target; FUZZ_TARGETS='parser tcp' for some of them. What
# they find on the way is kept in .build-fuzz/corpus. Seeds are taken from MARTLET_CAPTURES.
FUZZ_SECONDS ?= 60
DISSECTORS    = any dns tls http http2 quic ssh smtp ftp ftp-data imap pop3 telnet dhcp dhcpv6 ntp snmp \
  sip mqtt tftp streams
FUZZ_TARGETS ?= parser fragments tcp engine capture control $(DISSECTORS)
FUZZ_BUILD    = MARTLET_FUZZ=1 $(SWIFT) build -c release --scratch-path .build-fuzz \
  -Xswiftc -sanitize=fuzzer,address -Xswiftc -enable-testing --product
fuzz: fuzz-seeds check-crypto ## parser, fragments, TCP, whole engine, capture reader, control messages: libFuzzer
	$(FUZZ_BUILD) martlet-fuzz-capture
	$(FUZZ_BUILD) martlet-fuzz-control
	$(FUZZ_BUILD) martlet-fuzz-dissection
	@for target in $(FUZZ_TARGETS); do \
	  echo "fuzz: $$target"; mkdir -p .build-fuzz/corpus/$$target .build-fuzz/seeds/$$target; \
	  case $$target in \
	    capture) program=capture length=32768;; \
	    control) program=control length=4096;; engine) program=engine length=4096;; \
	    parser|fragments|tcp) program=engine length=2048;; \
	    *) program=dissection length=8192;; \
	  esac; \
	  SWIFT_BACKTRACE=enable=no MARTLET_FUZZ_TARGET=$$target \
	    .build-fuzz/release/martlet-fuzz-$$program -max_total_time=$(FUZZ_SECONDS) \
	    -max_len=$$length -print_final_stats=1 .build-fuzz/corpus/$$target \
	    .build-fuzz/seeds/$$target || exit 1; \
	done

# With the sanitizers, and once more without, to count what is allocated.
CHECK_CRYPTO = $(CC) -g -O1 -Idpdk/crypto/include -o .build-fuzz/check-crypto bench/crypto/check.c \
  dpdk/crypto/*.c -lcrypto -lz
check-crypto: ## the shim around libcrypto and zlib, under the address and undefined-behaviour sanitizers
	@mkdir -p .build-fuzz
	$(CHECK_CRYPTO) -fsanitize=address,undefined -fno-sanitize-recover=undefined
	.build-fuzz/check-crypto
	$(CHECK_CRYPTO) -DCHECK_COUNTS
	.build-fuzz/check-crypto

FUZZ_CAPTURES = $(or $(MARTLET_CAPTURES),../shared/captures)
fuzz-seeds:
	$(FUZZ_BUILD) martlet-fuzz-engine
	$(FUZZ_BUILD) martlet-fuzz-dissection
	@mkdir -p .build-fuzz/seeds
	@if test -e "$(FUZZ_CAPTURES)/MANIFEST.tsv"; then \
	  find "$(FUZZ_CAPTURES)" -type f \( -name '*.pcap' -o -name '*.pcapng' -o -name '*.cap' \) \
	    -size -4M -print0 | sort -z | MARTLET_FUZZ_TARGET=seeds \
	    xargs -0 .build-fuzz/release/martlet-fuzz-engine .build-fuzz/seeds; \
	  find "$(FUZZ_CAPTURES)" -type f \( -name '*.pcap' -o -name '*.pcapng' -o -name '*.cap' \) \
	    -size -4M -print0 | sort -z | MARTLET_FUZZ_TARGET=seeds \
	    xargs -0 .build-fuzz/release/martlet-fuzz-dissection .build-fuzz/seeds; \
	  ln -sfn any .build-fuzz/seeds/streams; \
	else \
	  echo 'fuzz: NO SEEDS: no public captures here, set MARTLET_CAPTURES to their folder' >&2; \
	fi

gate: test-dependencies build bench-build ## the hot path's rules, and its instructions a packet
	perf/hotpath-gate "$$($(RELEASE) --show-bin-path)/martletd"
	perf/instruction-gate "$$($(BENCH_RELEASE) --show-bin-path)/martlet-bench"

# Run `make build` as yourself first: root should not build, and need not find swift.
BIN ?= .build/release
install: ## both programs, shell completion, samples and the systemd unit under PREFIX (/usr/local) and /etc
	@BIN='$(BIN)'; \
	  test -x "$$BIN/martletd" -a -x "$$BIN/martlet" || \
	    { echo "install: $$BIN has no martletd and martlet: run make build first" >&2; exit 1; }; \
	  install -D -m 755 "$$BIN/martletd" "$(DESTDIR)$(PREFIX)/sbin/martletd" && \
	  install -D -m 755 "$$BIN/martlet" "$(DESTDIR)$(PREFIX)/bin/martlet" && \
	  for target in bash:bash-completion/completions/martlet zsh:zsh/site-functions/_martlet \
	    fish:fish/vendor_completions.d/martlet.fish; do \
	    install -d "$(DESTDIR)$(PREFIX)/share/$$(dirname "$${target#*:}")" && \
	    "$$BIN/martlet" --generate-completion-script "$${target%%:*}" \
	      > "$(DESTDIR)$(PREFIX)/share/$${target#*:}" || exit 1; done
	install -d "$(DESTDIR)$(SYSCONFDIR)/martlet"
	@for sample in config/*.yaml; do \
	  test -e "$$sample" || continue; \
	  echo "install $$sample"; \
	  install -m 644 "$$sample" "$(DESTDIR)$(SYSCONFDIR)/martlet/$$(basename "$$sample").sample"; done
	install -d "$(DESTDIR)$(UNITDIR)"
	@for unit in config/*.service; do \
	  sed 's|@PREFIX@|$(PREFIX)|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g' "$$unit" \
	    >"$(DESTDIR)$(UNITDIR)/$$(basename "$$unit")" || exit 1; done

clean: ## what was built
	$(SWIFT) package clean

dependencies:
	@config/install-dependencies run

test-dependencies:
	@config/install-dependencies test
