# siftd from a checkout. `make` alone lists what there is to do.

SWIFT  = tools/swift
# A release build is what is tested, because a release build is what runs.
BUILD  = $(SWIFT) build -c release $(SWIFTFLAGS)
VENV   = .build-venv
PREFIX = /usr/local
SOURCES = Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources
MODEL  = Models/sift-reference-moe

.DEFAULT_GOAL := help
.PHONY: help run test test-bed test-neon test-tools test-openai test-swift build deps format lint bench install clean

help: ## list what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'Documentation: README.md, docs/HACKING.md'

run: build ## a gateway and two expert hosts here, four prompts under topk and siftmoe; ONCE=1 stops then
	@tools/run $(if $(ONCE),--once)

test: deps-test ## every test that needs no special kernel
	$(BUILD) --build-tests
	$(MAKE) --no-print-directory test-tools test-openai test-swift

test-tools: ## the tests of tools/swift (against a server that stands in for swift.org) and tools/deps
	python3 -m unittest discover -q -s Tests/Tools

test-neon: ## the NEON kernels under qemu: the same bits as here
	@tools/deps neon
	@tools/check-neon

test-openai: $(VENV)/ready ## the official OpenAI client against a running daemon
	$(VENV)/bin/python -m unittest discover -q -s Tests/OpenAI

# Processes and sockets are waited for in real time, so they have the machine to themselves, after the tests that compute.
SOCKETS = SiftClusterTests
PROCESSES = EndToEndTests|ListenerTests|DaemonProcessTests|ServiceTests|ExternalMeterTests
SWIFT_TEST = $(SWIFT) test -c release $(SWIFTFLAGS) --skip-build --disable-xctest
test-swift: ## the Swift tests alone, already built
	$(SWIFT_TEST) --skip '$(SOCKETS)|$(PROCESSES)'
	$(SWIFT_TEST) --filter '$(SOCKETS)'
	$(SWIFT_TEST) --filter '$(PROCESSES)'

test-bed: build ## siftd on the kernel's own Wi-Fi stack and sensor drivers, in a kernel booted for it (root, x86-64)
	@tools/deps bed
	python3 -m unittest discover -q -s Tests/Bed
	Tests/Bed/run $(SCENARIOS)

build: deps ## siftd and siftctl in .build/release
	$(BUILD) --product siftd
	$(BUILD) --product siftctl

deps: ## install the Debian packages that building needs
	@tools/deps
.PHONY: deps-test
deps-test:
	@tools/deps test

format: ## put the Swift sources into the project's form
	$(SWIFT) format --in-place --recursive --parallel $(SOURCES)

lint: ## complain about sources that are not in the project's form
	$(SWIFT) format lint --strict --recursive --parallel $(SOURCES)

bench: deps ## the benchmarks, as ratios taken in one run
	$(BUILD) --package-path Benchmarks
	Benchmarks/.build/release/kernel-bench
	Benchmarks/.build/release/engine-bench $(MODEL)
	Benchmarks/.build/release/alloc-bench $(MODEL)
	Benchmarks/.build/release/meter-bench --model $(MODEL)
	Benchmarks/.build/release/link-bench
	Benchmarks/.build/release/policy-bench

install: build ## into $(DESTDIR)$(PREFIX), with the units; an existing configuration stays
	install -D -m 755 .build/release/siftd $(DESTDIR)$(PREFIX)/bin/siftd
	install -D -m 755 .build/release/siftctl $(DESTDIR)$(PREFIX)/bin/siftctl
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed "s|/usr/bin/siftd|$(PREFIX)/bin/siftd|" systemd/siftd.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/siftd.service
	install -m 644 systemd/siftd.socket $(DESTDIR)$(PREFIX)/lib/systemd/system/
	install -D -m 644 systemd/siftd.catalog $(DESTDIR)$(PREFIX)/lib/systemd/catalog/siftd.catalog
	test -e $(DESTDIR)/etc/siftd/siftd.toml || install -D -m 644 systemd/siftd.toml $(DESTDIR)/etc/siftd/siftd.toml

clean: ## remove what was built; the toolchain in .toolchain stays
	rm -rf .build $(VENV) .run Benchmarks/.build

$(VENV)/ready: Tests/OpenAI/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@
