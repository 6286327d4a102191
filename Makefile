# ungil: `make demo`, `make test`, `make install`; `make help` lists everything.

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DESTDIR    ?=
PYTHON     ?= python3
CC         ?= cc

# Cargo schedules its own jobs and does not need make's job server.
CARGO := env -u MAKEFLAGS cargo

export CARGO_TARGET_DIR := $(CURDIR)/target

# Where it is set, as in many containers, each of the thousands of processes and interpreters that the tests start would
# compile the modules that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
SONAME  := libungil.so.$(firstword $(subst ., ,$(VERSION)))
REAL    := libungil.so.$(VERSION)

# For another target of Rust everything is built into a folder of its own. CC is a compiler for it then.
TARGET    := $(CARGO_BUILD_TARGET)
TREE      := build$(TARGET:%=/%)
ARTIFACTS := target$(TARGET:%=/%)/release

LIB   := $(TREE)/lib
VENV  := build/venv
BUILT := $(LIB)/$(REAL) $(LIB)/pkgconfig/ungil.pc $(TREE)/include/ungil.h

# Compatibility names: libraries that existing ctypes scripts load. Each is a stub, an empty library that needs
# libungil from the same directory, so a process that loads several of them has one instance of ungil.
# ldconfig lists only files named lib*.so, under their SONAME: libpi_c.so has the SONAME pi_c.so, which makes
# CDLL('pi_c.so') work once it is installed.
STUBS     := libtest.so libprime.so libprime_pthread.so libpi_c.so
soname_of  = $(patsubst libpi_c.so,pi_c.so,$(1))

.PHONY: all
all: $(BUILT) $(STUBS:%=$(LIB)/%) ## build everything into build/, laid out as an install prefix

# Cargo decides whether its library is up to date; the copy is replaced only if it changed.
.PHONY: cargo-build
cargo-build: | need-cargo need-cc
	@$(CARGO) build --release --lib --quiet

$(LIB)/$(REAL): cargo-build | $(LIB)/pkgconfig
	@cmp -s $(ARTIFACTS)/libungil.so $@ || install -m 755 $(ARTIFACTS)/libungil.so $@
	@find $(LIB) -name '$(SONAME).*' ! -name $(REAL) -delete
	@$(call link,$(REAL),$(LIB)/$(SONAME))
	@$(call link,$(SONAME),$(LIB)/libungil.so)

# A correct link is left alone: tests that run at the same time may be loading it.
link = [ "$$(readlink $(2))" = $(1) ] || ln -sf $(1) $(2)

$(STUBS:%=$(LIB)/%): Makefile | $(LIB)/$(REAL)
	@$(CC) -shared -nostdlib -x c /dev/null -o $@ -Wl,-soname,$(call soname_of,$(@F)) \
	    -Wl,-rpath,'$$ORIGIN' -Wl,--no-as-needed -L$(LIB) -lungil
	@$(if $(findstring pi_c,$@),ln -sf libpi_c.so $(LIB)/pi_c.so)

$(TREE)/include/ungil.h: include/ungil.h
	@install -D -m 644 $< $@

$(LIB)/pkgconfig/ungil.pc: packaging/ungil.pc.in Cargo.toml | $(LIB)/pkgconfig
	@$(call fill_pc,$${pcfiledir}/../..,$${prefix}/lib,$${prefix}/include) > $@

# Spaces in paths are escaped twice, for sed and for pkg-config.
space := $(subst ,, )
escape = $(subst $(space),\\$(space),$(1))
fill_pc = sed -e 's|@PREFIX@|$(call escape,$(1))|' -e 's|@LIBDIR@|$(call escape,$(2))|' \
    -e 's|@INCLUDEDIR@|$(call escape,$(3))|' -e 's|@VERSION@|$(VERSION)|' \
    packaging/ungil.pc.in

$(LIB)/pkgconfig:
	mkdir -p $@

.PHONY: demo
demo: all need-python ## watch two Python threads take half the time of one, and a C function use all cores
	@$(PYTHON) examples/python/sum.py
	@$(PYTHON) examples/python/primes.py
	@$(PYTHON) examples/python/pi.py
	@$(PYTHON) examples/python/parallel_map.py
	@$(PYTHON) examples/python/interpreters.py || echo "(interpreters need CPython 3.9 or newer with a shared libpython)"
	@for python in $(PYTHON) $(VENV)/bin/python; do \
	    $$python -c "import cloudpickle" 2> /dev/null || continue; \
	    UNGIL_LIBRARY=$(CURDIR)/$(LIB)/libungil.so PYTHONPATH=python $$python examples/python/actors.py; exit; \
	done; echo "(examples/python/actors.py needs cloudpickle: pip install cloudpickle, or make $(VENV)/ready)"

# Tests of growth and repetition run at full length on each Python unless UNGIL_TEST_STRESS says otherwise
# (tests/stress.py).
.PHONY: test test-all test-levels test-rust test-c test-python
test: test-rust test-c test-python ## all tests except those that need packages from PyPI
test: | need-cargo need-cc need-python

# Most likely failures first. Each target has a make of its own, so that -j does not run them at the same time.
EVERYTHING := lint test test-levels test-threads test-miri test-package test-programs test-actors test-soak test-large test-packages-all \
    test-integrations-all test-wheel-all test-newest test-aarch64 check-versions site demo test-bench bench-quick test-criterion test-install $(if $(DOCUMENTS),test-documents)
test-all: ## everything at full length on every Python: an hour (test-exhaustive and fuzz are run by hand)
	@set -e; for target in $(EVERYTHING); do UNGIL_TEST_STRESS=full $(MAKE) $$target; done

LEVELS := $(if $(filter aarch64,$(shell uname -m)),,avx2) scalar
test-levels: all $(VENV)/ready ## what depends on the CPU level, from C and Python, at the levels below the machine's
	@$(MAKE) --no-print-directory -C tests/c levels CC="$(CC)"
	@$(VENV)/bin/python tests/python/run.py $(LEVELS)

# Skipped tests print SKIP and are counted. With UNGIL_REQUIRE_ALL set, a test fails if what it needs could be installed.
test-rust: | need-cargo need-cc need-python
	@mkdir -p build && : > build/skips
	UNGIL_SKIPS=$(CURDIR)/build/skips $(CARGO) test --release --quiet
	@echo "test-rust: $$(wc -l < build/skips) skipped$$(sed 's/^SKIP /; /' build/skips | tr -d '\n')"

# Debian packages Python's own tests separately.
.PHONY: test-requirements
test-requirements: ## as root on Debian: install the standard library's tests, which the executor has to pass
	@if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	    apt-get install --quiet --quiet --yes $(TESTSUITES) || echo "SKIP test-requirements: $(TESTSUITES) is not available"; \
	else echo "SKIP test-requirements: needs root and apt-get to install $(TESTSUITES)"; fi
TESTSUITES = $$($(PYTHON) -c 'import sys; print("libpython%d.%d-testsuite" % sys.version_info[:2])')

.PHONY: test-exhaustive
test-exhaustive: | need-cargo need-cc ## num_primes on all 2^31 numbers, is_prime on all strong pseudoprimes below 2^32, at every CPU level (eight minutes)
	$(CARGO) test --release --lib -- --ignored --nocapture --test-threads 1

.PHONY: test-threads test-loom test-tsan test-asan test-valgrind
test-threads: test-loom test-tsan test-asan test-valgrind ## loom, ThreadSanitizer, AddressSanitizer and valgrind

test-loom: | need-cargo need-cc
	RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom $(CARGO) test --profile quick --quiet --lib model

# ThreadSanitizer needs a nightly Rust, which builds the standard library with it as well.
NIGHTLY ?= nightly
test-tsan: | need-cargo need-cc
	@if rustup component add rust-src --toolchain $(NIGHTLY) 2> /dev/null; then \
	    RUSTFLAGS="-Zsanitizer=thread" CARGO_TARGET_DIR=target/tsan \
	    $(CARGO) +$(NIGHTLY) test -Zbuild-std --target $(HOST) --profile quick --quiet --lib -- pool control handle exchange parker; \
	else echo "SKIP ThreadSanitizer: rustup toolchain install $(NIGHTLY) --component rust-src"; fi
HOST = $$(rustc --version --verbose | sed -n 's/^host: //p')

# The ELF rewriter on this machine's libpythons, on extension modules and on damaged ones, and the interpreters.
# Interpreters are never freed, so leaks are not checked.
test-asan: | need-cargo need-cc
	@if rustup component list --toolchain $(NIGHTLY) > /dev/null 2>&1; then \
	    ASAN_OPTIONS=detect_leaks=0 RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR=target/asan \
	    $(CARGO) +$(NIGHTLY) test --target $(HOST) --profile quick --quiet --lib -- interp; \
	else echo "SKIP AddressSanitizer: rustup toolchain install $(NIGHTLY)"; fi

# Unsafe code that makes no system calls: handles, arrays, lists, the ELF rewriter, controls, kernels. With AVX2, as Miri
# knows its instructions: the kernels' tests run at each level up to that.
MIRI_CPU := -Ctarget-feature=+avx2,+fma,+bmi1,+bmi2,+lzcnt,+popcnt
.PHONY: test-miri
test-miri: | need-cargo need-cc ## look for undefined behaviour with Miri, in what it can run
	@if rustup component add miri rust-src --toolchain $(NIGHTLY) 2> /dev/null; then \
	    RUSTFLAGS="$(MIRI_CPU)" CARGO_TARGET_DIR=target/miri $(CARGO) +$(NIGHTLY) miri test --quiet --lib; \
	else echo "SKIP Miri: rustup toolchain install $(NIGHTLY) --component miri rust-src"; fi

test-valgrind: all $(VENV)/ready
	@if command -v valgrind > /dev/null; then \
	    PATH="$(CURDIR)/$(VENV)/fallback:$$PATH" $(MAKE) --no-print-directory -C tests/c valgrind CC="$(CC)"; \
	else echo "SKIP valgrind: apt install valgrind"; fi

# The corpus starts with this machine's smaller extension modules. Findings are written to build/fuzz.
FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: | need-cargo need-cc need-python ## feed damaged libraries to the ELF rewriter for FUZZ_SECONDS (60)
	@$(CARGO) fuzz --version > /dev/null 2>&1 || { echo "make: cargo-fuzz is missing: cargo install cargo-fuzz"; exit 1; }
	@mkdir -p build/fuzz/corpus
	@find $$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_config_var("DESTSHARED"))') -name '*.so' -size -40k \
	    -exec cp {} build/fuzz/corpus \;
	CARGO_TARGET_DIR=target/fuzz $(CARGO) +$(NIGHTLY) fuzz run rewrite build/fuzz/corpus -- \
	    -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -artifact_prefix=build/fuzz/ -print_final_stats=1

# Benchmarks have a venv of their own: the peers are pinned and need Python 3.11 or newer.
BENCH_VENV := build/bench-venv
BENCH       = $(PACKAGE) $(BENCH_VENV)/bin/python -m bench_py
SUITES     ?= gil kernels interpreters overheads
export NAME RESULT OLD NEW BEFORE
.PHONY: bench bench-quick bench-avx2 bench-goals bench-newest bench-report bench-compare bench-criterion test-criterion readme
bench: all $(BENCH_VENV)/ready ## compare ungil with its peers (25 minutes): a result, and a report in build/bench; SUITES="..." selects
	@$(BENCH) run --suites $(SUITES) $(if $(NAME),--host "$$NAME")

bench-quick: all $(BENCH_VENV)/ready ## the same with fewer sizes and rounds, in less than a minute
	@$(BENCH) run --quick --suites $(SUITES) $(if $(NAME),--host "$$NAME")

bench-avx2: all $(BENCH_VENV)/ready ## the suite kernels as on a machine with AVX2 and no more: ungil, C and numba are kept to it
	@$(BENCH) run --suites kernels --level avx2 $(QUICK) $(if $(NAME),--host "$$NAME")

bench-goals: all $(BENCH_VENV)/ready ## measure only what the goals of exchanging are about, and tell which are reached (5 minutes); or tell it of RESULT=file BEFORE=file
	@$(BENCH) $(if $(RESULT),goals "$$RESULT" $(if $(BEFORE),--before "$$BEFORE"),run --goals $(QUICK) $(if $(NAME),--host "$$NAME"))

# In the root that test-newest makes, which has neither make nor git. QUICK=--quick tries it, QUICK=--goals selects.
BENCH_NEWEST := python3.14
IN_NEWEST    := tests/newest/enter
bench-newest: all ## as root on Debian: compare interpreters with their peers on Python 3.14, the standard library's among them (15 minutes)
	@$(PYTHON) tests/newest/root.py
	@$(IN_NEWEST) $(BENCH_NEWEST) -m venv --clear $(BENCH_VENV)-newest
	@$(IN_NEWEST) $(BENCH_VENV)-newest/bin/pip install --quiet --disable-pip-version-check -r bench_py/requirements.txt
	@rm -f $(BENCH_VENV)-newest/bin/python
	@$(IN_NEWEST) gcc -o $(BENCH_VENV)-newest/bin/python bench_py/baseline/python.c -l:lib$(BENCH_NEWEST).so.1.0
	@$(IN_NEWEST) env $(PACKAGE) $(BENCH_VENV)-newest/bin/python -m bench_py run $(QUICK) --suites interpreters \
	    --commit "$$(git describe --always --dirty --abbrev=12)" $(if $(NAME),--host "$$NAME")

bench-report: all $(BENCH_VENV)/ready ## the report of RESULT=file, or of the newest full result
	@$(BENCH) report $(if $(RESULT),"$$RESULT")

bench-compare: all $(BENCH_VENV)/ready ## compare OLD=file with NEW="file file"; fails if every new run is more than a tenth slower
	@[ -n "$$OLD" ] && [ -n "$$NEW" ] || { echo 'make: bench-compare takes OLD=file NEW="file file"'; exit 2; }
	@$(BENCH) compare "$$OLD" $$NEW

readme: $(VENV)/ready ## write the figures of the newest results into the README
	@$(VENV)/bin/python -m bench_py readme

$(BENCH_VENV)/ready: bench_py/requirements.txt | need-python
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "make: the benchmarks' peers need Python 3.11 or newer: make $(or $(MAKECMDGOALS),bench) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(BENCH_VENV) || { echo "make: $(PYTHON) cannot make a venv: apt install python3-venv"; exit 1; }
	@$(BENCH_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

bench-criterion: | need-cargo need-cc ## the kernels at every CPU level, with criterion
	$(CARGO) bench -p ungil-benches -- $(CRITERION)

test-criterion: | need-cargo need-cc ## run each criterion benchmark once, which checks the answers
	$(CARGO) bench --profile quick --quiet -p ungil-benches -- --test --quiet

# The package from the source tree, with the library in build/.
PACKAGE := PYTHONPATH=$(CURDIR)/python UNGIL_LIBRARY=$(CURDIR)/$(LIB)/$(REAL)

.PHONY: test-package test-cloudpickle
test-package: all $(VENV)/ready test-cloudpickle ## the package's tests on one Python (test-wheel: on all)
	$(PACKAGE) $(VENV)/bin/python -m unittest discover -s tests/package

# SEED makes other programs. A failure prints the smallest program that fails.
PROGRAMS ?= 10000
SEED     ?= 0
.PHONY: test-programs
test-programs: all $(VENV)/ready ## PROGRAMS (10000) random programs of two kinds: the same with processes and with interpreters
	$(PACKAGE) UNGIL_TEST_PROGRAMS=$(PROGRAMS) UNGIL_TEST_SEED=$(SEED) $(VENV)/bin/python -m unittest discover -v \
	    -s tests/package -p test_programs.py

ACTORS ?= 10000
.PHONY: test-actors
test-actors: all $(VENV)/ready ## ACTORS (10000) actors that are made, called and dropped: nothing grows
	$(PACKAGE) UNGIL_TEST_ACTORS=$(ACTORS) $(VENV)/bin/python -m unittest discover -v \
	    -s tests/package -p test_actor_ends.py -k Many

SOAK         ?= 1000000
SOAK_SECONDS ?= 600
.PHONY: test-soak
test-soak: all $(VENV)/ready ## SOAK (1000000) tasks and as many messages; SOAK_SECONDS (600) of random schedules with deaths, Ctrl-C, forks and shutdowns
	$(PACKAGE) UNGIL_TEST_SOAK=$(SOAK) UNGIL_TEST_SOAK_SECONDS=$(SOAK_SECONDS) $(VENV)/bin/python -m unittest discover -v \
	    -s tests/package -p test_soak.py

# The venv has the newest cloudpickle. Tests that depend on it also run with the oldest that the package allows.
CLOUDPICKLE := build/cloudpickle-$(shell sed -n 's/.*"cloudpickle>=\([0-9.]*\)".*/\1/p' pyproject.toml)
PICKLING    := interpreters options globals_of_main shared_memory pool standard_executors tracebacks

test-cloudpickle: all $(VENV)/ready $(CLOUDPICKLE)/ready
	cd tests/package && PYTHONPATH=$(CURDIR)/$(CLOUDPICKLE):$(CURDIR)/python UNGIL_LIBRARY=$(CURDIR)/$(LIB)/$(REAL) \
	    $(CURDIR)/$(VENV)/bin/python -m unittest $(PICKLING:%=test_%)

$(CLOUDPICKLE)/ready: pyproject.toml $(VENV)/ready
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(@D) \
	    cloudpickle==$(CLOUDPICKLE:build/cloudpickle-%=%)
	@touch $@

.PHONY: test-large
test-large: all $(VENV)/ready ## objects and arrays beyond 2^32 bytes: takes minutes and 20 GiB, skips what does not fit
	PYTHONPATH=$(CURDIR)/python:$(CURDIR)/tests/package UNGIL_LIBRARY=$(CURDIR)/$(LIB)/$(REAL) \
	    $(VENV)/bin/python -m unittest discover -s tests/large -v

COUNT ?= 100
PYTHON_VERSIONS ?= 3.9 3.13
.PHONY: test-repeat
test-repeat: all need-python ## repeat the package's tests COUNT (100) times on PYTHON_VERSIONS; stops at the first failure and keeps its log
	$(PYTHON) tests/repeat.py $(COUNT) $(PYTHON_VERSIONS)

.PHONY: test-bench
test-bench: all $(BENCH_VENV)/ready ## the benchmarks' own tests
	@$(PACKAGE) $(BENCH_VENV)/bin/python tests/bench/run.py

test-c: all $(VENV)/ready
	@PATH="$(CURDIR)/$(VENV)/fallback:$$PATH" $(MAKE) --no-print-directory -C tests/c CC="$(CC)"

test-python: all $(VENV)/ready
	@$(VENV)/bin/python tests/python/run.py

.PHONY: test-free-threaded
test-free-threaded: all $(VENV)/ready ## the package and the interpreters on each free-threaded CPython of the machine, 3.14t or newer
	@PATH="$(CURDIR)/$(VENV)/fallback:$$PATH" $(MAKE) --no-print-directory -C tests/c CC="$(CC)" at-exit
	@$(PYTHON) tests/free_threaded.py

# By default on three Pythons: the oldest, the newest and one that changes from commit to commit.
.PHONY: test-packages test-packages-all
test-packages: all need-python ## numpy, pandas, numba and others in interpreters, on three Pythons (downloads 1 GB)
	UNGIL_TEST_STRESS=$${UNGIL_TEST_STRESS:-rotating} $(PYTHON) tests/packages/run.py

test-packages-all: all need-python ## the same on every Python (downloads 3 GB)
	UNGIL_TEST_STRESS=full $(PYTHON) tests/packages/run.py

.PHONY: test-integrations test-integrations-all
test-integrations: all need-python ## the quick half of the tests with joblib, scikit-learn, Dask, data frames, a web server, pytest and Jupyter, at their oldest and newest versions (downloads 700 MB)
	UNGIL_TEST_STRESS=$${UNGIL_TEST_STRESS:-rotating} $(PYTHON) tests/integrations/run.py

test-integrations-all: all need-python ## all of these tests
	UNGIL_TEST_STRESS=full $(PYTHON) tests/integrations/run.py

.PHONY: try-packages packages-page
try-packages: all need-python ## every package of tests/packages/cases in 4 and 8 interpreters, on every Python (hours; downloads 5 GB for each); TRY="--python 3.12 h5py" selects
	$(PYTHON) tests/packages/run.py --all $(TRY)

packages-page: | need-python ## write the table of packages into docs/packages.md, from what try-packages and test-packages noted
	@$(PYTHON) tests/packages/page.py write

.PHONY: test-documents
test-documents: all need-python ## run the scripts of ctypes articles unchanged: DOCUMENTS=directory with the texts
	$(PYTHON) tests/documents.py $(DOCUMENTS)

.PHONY: test-install
test-install: all $(VENV)/ready ## as root: install into /usr/local, use the library without any setting, uninstall
	$(VENV)/bin/python tests/system_install.py $(DOCUMENTS)

# PROFILE=quick makes them in a fraction of the time, for tests of what is in them.
WHEEL_TOOLS := build/wheel-tools
PROFILE     ?= release
BUILD_WHEELS = $(WHEEL_TOOLS)/bin/python packaging/build_wheels.py --profile $(PROFILE)

.PHONY: wheel wheels test-wheel test-wheel-all test-wheels
wheel: $(WHEEL_TOOLS)/ready | need-cargo need-cc ## build one wheel for every Python and any Linux with glibc 2.17 or newer, into build/wheels/
	@$(BUILD_WHEELS) $(PLATFORMS)

wheels: $(WHEEL_TOOLS)/ready | need-cargo need-cc ## build a wheel for each platform: Linux with glibc and musl, Windows, macOS
	@$(BUILD_WHEELS) --all

.PHONY: forwarders
forwarders: $(WHEEL_TOOLS)/ready ## the DLLs that ctypes scripts load on Windows, test.dll and others, into build/forwarders, out of the wheel for Windows
	@$(WHEEL_TOOLS)/bin/python packaging/forwarders.py build/forwarders

$(WHEEL_TOOLS)/ready: packaging/requirements.txt | need-python
	@$(PYTHON) -m venv $(WHEEL_TOOLS) || { echo "make: $(PYTHON) cannot make a venv: apt install python3-venv"; exit 1; }
	@$(WHEEL_TOOLS)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: -r $<
	@touch $@

.PHONY: sdist check-release
sdist: $(WHEEL_TOOLS)/ready ## the source distribution, which pip builds with cargo, into build/sdist/
	@rm -rf build/sdist
	@$(WHEEL_TOOLS)/bin/hatchling build --target sdist --directory build/sdist

check-release: | need-python ## TAG=v1.2.3 is the version of Cargo.toml, and CHANGELOG.md has its date
	@$(PYTHON) packaging/check_release.py "$(TAG)"

test-wheel: wheel test-wheel-contents ## install the wheel on every Python from 3.9 on and run the package's tests: all on two, with numba and others
	UNGIL_TEST_STRESS=$${UNGIL_TEST_STRESS:-rotating} $(PYTHON) tests/wheel/run.py

test-wheel-all: wheel test-wheel-contents ## the same with numba and others on each (downloads 3 GB)
	UNGIL_TEST_STRESS=full $(PYTHON) tests/wheel/run.py

.PHONY: test-wheel-contents
test-wheel-contents: wheel
	@$(WHEEL_TOOLS)/bin/python -m unittest discover -s tests/wheel

test-wheels: wheels ## what is in the wheels of all platforms; those for musl and Windows run C programs, the latter in wine
	@UNGIL_TEST_WHEELS=all $(WHEEL_TOOLS)/bin/python -m unittest discover -s tests/wheel
	@$(WHEEL_TOOLS)/bin/python tests/platforms/run.py

# The root is build/sid. It is made when there is none, or when the packages in tests/newest/root.py have changed.
.PHONY: test-newest newest-root
newest-root: | need-python ## as root on Debian: make that root, if it is not there, which needs the network more than processors
	@$(PYTHON) tests/newest/root.py || echo "build/sid is not made yet: test-newest tries it, too"

test-newest: all wheel $(VENV)/ready ## as root on Debian: the tests on CPython 3.14 and 3.15, PyPy and the newest glibc, in a root of Debian sid (downloads 1 GB)
	@PATH="$(CURDIR)/$(VENV)/fallback:$$PATH" $(MAKE) --no-print-directory -C tests/c programs CC="$(CC)"
	UNGIL_TEST_STRESS=$${UNGIL_TEST_STRESS:-rotating} $(PYTHON) tests/newest/run.py

# The tests run in a root of Debian sid for arm64, build/sid-arm64, whose programs the kernel hands to qemu.
AARCH64   := aarch64-unknown-linux-gnu
CROSS_CC  := aarch64-linux-gnu-gcc
FOR_AARCH64 = CARGO_BUILD_TARGET=$(AARCH64) CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$(CROSS_CC)
.PHONY: aarch64 test-aarch64
aarch64: | need-cargo ## build everything for aarch64, with its tests in C and Rust, into build/aarch64-unknown-linux-gnu/
	@$(FOR_AARCH64) $(MAKE) --no-print-directory all CC=$(CROSS_CC)
	@$(MAKE) --no-print-directory -C tests/c programs CC=$(CROSS_CC) PREFIX=../../build/$(AARCH64)
	@$(FOR_AARCH64) $(CARGO) test --release --lib --quiet --no-run
	@cp "$$(ls -t target/$(AARCH64)/release/deps/ungil-* | grep -v '\.d$$' | head -n 1)" build/$(AARCH64)/tests-c/rust

test-aarch64: | need-python ## as root on Debian: the kernels, C programs, the package and interpreters on aarch64, by qemu (downloads 100 MB)
	@UNGIL_TEST_STRESS=$${UNGIL_TEST_STRESS:-rotating} $(PYTHON) tests/aarch64/run.py

.PHONY: versions check-versions
versions: | need-python ## write the table of tested Pythons into docs/pythons.md, from what test-python, test-wheel, test-packages and test-newest noted
	@$(PYTHON) tests/tested.py write

check-versions: | need-python ## check that the tables in docs/pythons.md and docs/packages.md have what those tests noted
	@$(PYTHON) tests/tested.py check
	@$(PYTHON) tests/packages/page.py check

# What the tests need beyond the standard library, with pkg-config from PyPI where the system has none.
$(VENV)/ready: tests/python/requirements.txt | need-python
	@$(PYTHON) -m venv $(VENV) || { echo "make: $(PYTHON) cannot make a venv: apt install python3-venv"; exit 1; }
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@mkdir -p $(VENV)/fallback
	@command -v pkg-config > /dev/null || { \
	    $(VENV)/bin/pip install --quiet --disable-pip-version-check pkgconf && \
	    ln -sf ../bin/pkgconf $(VENV)/fallback/pkg-config; }
	@touch $@

# The pinned tools of `make lint` that the tests do not need.
LINT_TOOLS := build/lint-tools
$(LINT_TOOLS)/ready: packaging/lint-requirements.txt | need-python
	@$(PYTHON) -m venv $(LINT_TOOLS) || { echo "make: $(PYTHON) cannot make a venv: apt install python3-venv"; exit 1; }
	@$(LINT_TOOLS)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: -r $<
	@touch $@

.PHONY: lint lint-rust lint-python lint-prose lint-dependencies
lint: lint-rust lint-python lint-prose lint-dependencies ## formatting, clippy, rustdoc, types, generated files, spelling, CI files, licences, advisories

# A target without interpreters, if it is installed: other code stands in for them there.
WITHOUT_INTERPRETERS := x86_64-unknown-linux-musl
INSTALLED_WITHOUT = $(shell rustup target list --installed 2> /dev/null | grep -x $(WITHOUT_INTERPRETERS))

lint-rust: | need-cargo need-cc
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --profile quick --all-targets --quiet -- -D warnings
	$(if $(INSTALLED_WITHOUT),$(CARGO) check --lib --quiet --target $(WITHOUT_INTERPRETERS),@echo "SKIP check of $(WITHOUT_INTERPRETERS): rustup target add it")
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --profile quick --no-deps --document-private-items --quiet
	$(CARGO) test --profile quick --quiet -p ungil-header

LINTED := python packaging website tests/website tests/package tests/integrations tests/large tests/bench tests/wheel/built.py tests/wheel/test_contents.py tests/wheel/test_libraries.py bench_py
lint-python: $(VENV)/ready
	$(VENV)/bin/ruff check --quiet $(LINTED)
	$(VENV)/bin/ruff format --quiet --check $(LINTED)
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m bench_py readme --check

# Spelling, as typos.toml says, and the workflow files.
lint-prose: $(LINT_TOOLS)/ready
	$(LINT_TOOLS)/bin/typos
	$(LINT_TOOLS)/bin/actionlint
	$(LINT_TOOLS)/bin/zizmor --offline --quiet .github
	$(LINT_TOOLS)/bin/python packaging/check_recipe.py

# The database of advisories is a git repository. Where it cannot be fetched, the rest is checked.
ADVISORIES := https://github.com/RustSec/advisory-db
lint-dependencies: $(LINT_TOOLS)/ready | need-cargo
	$(PYTHON) packaging/third_party_licenses.py --check
	$(DENY) licenses bans sources
	@if GIT_TERMINAL_PROMPT=0 timeout 20 git ls-remote --quiet $(ADVISORIES) HEAD > /dev/null 2>&1; then \
	    $(DENY) advisories; \
	else echo "SKIP advisories: $(ADVISORIES) cannot be reached"; fi
DENY = PATH="$(CURDIR)/$(LINT_TOOLS)/bin:$$PATH" $(CARGO) deny --workspace check --hide-inclusion-graph

.PHONY: header licenses
header: | need-cargo need-cc ## generate include/ungil.h and the ctypes signatures from src/capi/
	$(CARGO) run --quiet -p ungil-header

licenses: | need-cargo need-python ## write THIRD-PARTY-LICENSES: the licences of the crates that are linked into the library
	$(PYTHON) packaging/third_party_licenses.py

# `make && sudo make install` works where root has no cargo: it installs what was built.
.PHONY: install install-compat uninstall
install: $(if $(shell command -v cargo 2> /dev/null),all) ## install the library, the header and ungil.pc under PREFIX (/usr/local); DESTDIR and LIBDIR as usual
	@[ -e $(LIB)/$(REAL) ] || { echo "make: nothing is built yet: run make first"; exit 1; }
	install -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(INCLUDEDIR)"
	rm -f "$(DESTDIR)$(LIBDIR)/$(SONAME)".* # other versions with this SONAME
	install -m 755 $(LIB)/$(REAL) "$(DESTDIR)$(LIBDIR)"
	ln -sf $(REAL) "$(DESTDIR)$(LIBDIR)/$(SONAME)"
	ln -sf $(SONAME) "$(DESTDIR)$(LIBDIR)/libungil.so"
	install -m 644 include/ungil.h "$(DESTDIR)$(INCLUDEDIR)"
	$(call fill_pc,$(PREFIX),$(LIBDIR),$(INCLUDEDIR)) > "$(DESTDIR)$(LIBDIR)/pkgconfig/ungil.pc"
	@$(refresh_loader)

install-compat: install ## install, and add the compatibility names: libtest.so, libprime.so, libprime_pthread.so, libpi_c.so, pi_c.so
	install -m 755 $(STUBS:%=$(LIB)/%) "$(DESTDIR)$(LIBDIR)"
	ln -sf libpi_c.so "$(DESTDIR)$(LIBDIR)/pi_c.so"
	@$(refresh_loader)

INSTALLED := $(REAL) $(SONAME) libungil.so pkgconfig/ungil.pc $(STUBS) pi_c.so
uninstall: ## remove what install and install-compat installed
	rm -f $(INSTALLED:%="$(DESTDIR)$(LIBDIR)/%") "$(DESTDIR)$(LIBDIR)/$(SONAME)".* "$(DESTDIR)$(INCLUDEDIR)/ungil.h"
	@$(remove_empty_directories)
	@$(refresh_loader)

# Refresh the loader's cache. If that fails, or the cache does not cover LIBDIR, print what to do.
refresh_loader = if [ -n "$(DESTDIR)" ]; then :; \
    elif [ "$$(id -u)" = 0 ] && ldconfig; then \
        if [ -e "$(LIBDIR)/$(SONAME)" ] && ! ldconfig -p | grep -qF "$(LIBDIR)/$(SONAME)"; then $(loader_hint); fi; \
    elif [ -e "$(LIBDIR)/$(SONAME)" ]; then $(loader_hint); fi
loader_hint = echo "hint: the loader does not look in $(LIBDIR) yet. As root, add it to /etc/ld.so.conf.d and" \
    "run ldconfig; or set LD_LIBRARY_PATH (and LIBRARY_PATH for find_library) to it."

# Remove empty directories, except for the system's own and PREFIX itself.
remove_empty_directories = for directory in "$(LIBDIR)/pkgconfig" "$(LIBDIR)" "$(INCLUDEDIR)"; do \
    case "$(DESTDIR)$$directory" in /usr|/usr/lib|/usr/lib64|/usr/include|/usr/local|/usr/local/lib|/usr/local/include) ;; \
    *) rmdir --ignore-fail-on-non-empty "$(DESTDIR)$$directory" 2> /dev/null || true ;; esac; done

# The documentation's site, from docs/ and website/. Any warning is an error, and each link has to lead somewhere.
SITE_VENV := build/site-venv
LYCHEE     = $(SITE_VENV)/bin/lychee --no-progress --include-fragments --root-dir $(CURDIR)/build/site
.PHONY: site site-links
site: all $(SITE_VENV)/ready ## build the documentation's site into build/site, with its links checked
	@$(PACKAGE) $(SITE_VENV)/bin/python website/benchmarks.py
	@NO_MKDOCS_2_WARNING=1 $(SITE_VENV)/bin/mkdocs build --strict --config-file website/mkdocs.yml 2> build/site.log || \
	    { cat build/site.log; exit 1; }
	@$(LYCHEE) --quiet --offline build/site
	@$(SITE_VENV)/bin/python -m unittest discover -s tests/website
	@echo "site: build/site/index.html"

site-links: site ## check the site's links to other sites as well
	@$(LYCHEE) build/site

$(SITE_VENV)/ready: website/requirements.txt | need-python
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "make: the site needs Python 3.10 or newer: make $(or $(MAKECMDGOALS),site) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(SITE_VENV) || { echo "make: $(PYTHON) cannot make a venv: apt install python3-venv"; exit 1; }
	@$(SITE_VENV)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: -r $<
	@touch $@

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build target

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

# A missing tool gives one line that says how to install it.
.PHONY: need-cargo need-cc need-python
need = command -v $(1) > /dev/null || { echo "make: $(1) is missing: $(2)"; exit 1; }
need-cargo:
	@$(call need,cargo,install Rust 1.89 or newer from https://rustup.rs)
need-cc:
	@$(call need,$(firstword $(CC)),install a C compiler$(comma) for example apt install gcc)
need-python:
	@$(call need,$(PYTHON),install Python 3$(comma) for example apt install python3 python3-venv)
comma := ,
