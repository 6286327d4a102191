# ungil: `make demo` shows it, `make test` proves it, `make install` installs it. `make help` lists the rest.

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DESTDIR    ?=
PYTHON     ?= python3
CC         ?= cc

# Cargo runs its own jobs: make's job server is of no use to it.
CARGO := env -u MAKEFLAGS cargo

export CARGO_TARGET_DIR := $(CURDIR)/target

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
SONAME  := libungil.so.$(firstword $(subst ., ,$(VERSION)))
REAL    := libungil.so.$(VERSION)

LIB   := build/lib
VENV  := build/venv
BUILT := $(LIB)/$(REAL) $(LIB)/pkgconfig/ungil.pc build/include/ungil.h

# Names that scripts load instead of libungil. Each is a stub: an empty library that needs the real one and
# lies beside it, so that a process that loads several of them, even copies, has one instance of ungil.
# ldconfig knows only files named lib*.so, by their SONAME: so libpi_c.so, whose SONAME is pi_c.so, is what
# makes a plain CDLL('pi_c.so') work after an installation.
STUBS            := libtest.so libprime.so libprime_pthread.so libpi_c.so
soname_of         = $(patsubst libpi_c.so,pi_c.so,$(1))
LIBRARY_FILES    := $(REAL) $(SONAME) libungil.so $(STUBS) pi_c.so

.PHONY: all
all: $(BUILT) $(STUBS:%=$(LIB)/%) ## build everything into build/, laid out as an install prefix

# Cargo knows best whether its library is up to date; the file is replaced only if it changed.
.PHONY: cargo-build
cargo-build: | need-cargo need-cc
	@$(CARGO) build --release --lib --quiet

$(LIB)/$(REAL): cargo-build | $(LIB)/pkgconfig
	@cmp -s target/release/libungil.so $@ || install -m 755 target/release/libungil.so $@
	@find $(LIB) -name '$(SONAME).*' ! -name $(REAL) -delete
	@$(call link,$(REAL),$(LIB)/$(SONAME))
	@$(call link,$(SONAME),$(LIB)/libungil.so)

# A link that is right stays: other tests may be loading it.
link = [ "$$(readlink $(2))" = $(1) ] || ln -sf $(1) $(2)

$(STUBS:%=$(LIB)/%): Makefile | $(LIB)/$(REAL)
	@$(CC) -shared -nostdlib -x c /dev/null -o $@ -Wl,-soname,$(call soname_of,$(@F)) \
	    -Wl,-rpath,'$$ORIGIN' -Wl,--no-as-needed -L$(LIB) -lungil
	@$(if $(findstring pi_c,$@),ln -sf libpi_c.so $(LIB)/pi_c.so)

build/include/ungil.h: include/ungil.h
	@install -D -m 644 $< $@

$(LIB)/pkgconfig/ungil.pc: packaging/ungil.pc.in Cargo.toml | $(LIB)/pkgconfig
	@$(call fill_pc,$${pcfiledir}/../..,$${prefix}/lib,$${prefix}/include) > $@

# A space in a path is escaped, once for sed and once for pkg-config.
space := $(subst ,, )
escape = $(subst $(space),\\$(space),$(1))
fill_pc = sed -e 's|@PREFIX@|$(call escape,$(1))|' -e 's|@LIBDIR@|$(call escape,$(2))|' \
    -e 's|@INCLUDEDIR@|$(call escape,$(3))|' -e 's|@VERSION@|$(VERSION)|' \
    packaging/ungil.pc.in

$(LIB)/pkgconfig:
	mkdir -p $@

.PHONY: demo
demo: all need-python ## see two Python threads take half the time of one, and a C function on all cores
	@$(PYTHON) examples/python/sum.py
	@$(PYTHON) examples/python/primes.py
	@$(PYTHON) examples/python/pi.py
	@$(PYTHON) examples/python/parallel_map.py
	@$(PYTHON) examples/python/interpreters.py || echo "(interpreters want CPython 3.8 or newer, and its shared library)"

# Tests of growth and repetition are of full length on each Python, unless UNGIL_TEST_STRESS says otherwise: see
# tests/stress.py.
.PHONY: test test-all test-levels test-rust test-c test-python
test: test-rust test-c test-python ## run all tests, but for those with packages
test: | need-cargo need-cc need-python

# In an order in which what fails most often fails first; each by a make of its own, so that -j does not mix them.
EVERYTHING := lint test test-levels test-threads test-miri test-package test-large test-packages-all test-wheel-all \
    demo test-bench bench-quick test-criterion test-install $(if $(DOCUMENTS),test-documents)
test-all: ## everything that there is, in full length on every Python: an hour (test-exhaustive and fuzz are by hand)
	@set -e; for target in $(EVERYTHING); do UNGIL_TEST_STRESS=full $(MAKE) $$target; done

LEVELS := avx2 scalar
test-levels: all $(VENV)/ready ## what depends on the CPU level, from C and Python, at each that the machine's is not
	@$(MAKE) --no-print-directory -C tests/c levels CC="$(CC)"
	@$(VENV)/bin/python tests/python/run.py $(LEVELS)

# What is left out is said by SKIP, and counted. Where UNGIL_REQUIRE_ALL is set, what can be installed may not be missing.
test-rust: | need-cargo need-cc need-python
	@mkdir -p build && : > build/skips
	UNGIL_SKIPS=$(CURDIR)/build/skips $(CARGO) test --release --quiet
	@echo "test-rust: $$(wc -l < build/skips) skipped$$(sed 's/^SKIP /; /' build/skips | tr -d '\n')"

# Debian's Pythons come without their own tests; so do some that were built without them.
.PHONY: test-requirements
test-requirements: ## as root on Debian: the standard library's tests, which the package's executor is tested by
	@if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	    apt-get install --quiet --quiet --yes $(TESTSUITES) || echo "SKIP test-requirements: no $(TESTSUITES) to be had"; \
	else echo "SKIP test-requirements: root's apt-get installs $(TESTSUITES)"; fi
TESTSUITES = $$($(PYTHON) -c 'import sys; print("libpython%d.%d-testsuite" % sys.version_info[:2])')

.PHONY: test-exhaustive
test-exhaustive: | need-cargo need-cc ## check num_primes on all 2^31 numbers, is_prime on the hard ones below 2^32, at every CPU level (eight minutes)
	$(CARGO) test --release --lib -- --ignored --nocapture --test-threads 1

.PHONY: test-threads test-loom test-tsan test-asan test-valgrind
test-threads: test-loom test-tsan test-asan test-valgrind ## threads by loom and ThreadSanitizer, memory by AddressSanitizer and valgrind

test-loom: | need-cargo need-cc
	RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom $(CARGO) test --profile quick --quiet --lib model

# Race detection needs a nightly Rust, which builds the standard library for it too.
NIGHTLY ?= nightly
test-tsan: | need-cargo need-cc
	@if rustup component add rust-src --toolchain $(NIGHTLY) 2> /dev/null; then \
	    RUSTFLAGS="-Zsanitizer=thread" CARGO_TARGET_DIR=target/tsan \
	    $(CARGO) +$(NIGHTLY) test -Zbuild-std --target $(HOST) --profile quick --quiet --lib -- pool control handle; \
	else echo "SKIP ThreadSanitizer: rustup toolchain install $(NIGHTLY) --component rust-src"; fi
HOST = $$(rustc --version --verbose | sed -n 's/^host: //p')

# The ELF rewriter, on this machine's libpythons, extension modules and damaged ones, and what was loaded. Interpreters stay
# for good: what is lost is not looked for.
test-asan: | need-cargo need-cc
	@if rustup component list --toolchain $(NIGHTLY) > /dev/null 2>&1; then \
	    ASAN_OPTIONS=detect_leaks=0 RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR=target/asan \
	    $(CARGO) +$(NIGHTLY) test --target $(HOST) --profile quick --quiet --lib -- interp; \
	else echo "SKIP AddressSanitizer: rustup toolchain install $(NIGHTLY)"; fi

# What is unsafe and asks nothing of the system: handles, arrays, lists, the ELF rewriter, controls, kernels. A second time
# with vectors, as far as Miri knows their instructions.
MIRI = CARGO_TARGET_DIR=target/miri $(CARGO) +$(NIGHTLY) miri test --quiet --lib
.PHONY: test-miri
test-miri: | need-cargo need-cc ## undefined behaviour of what can run in Rust's interpreter, by Miri
	@if rustup component add miri rust-src --toolchain $(NIGHTLY) 2> /dev/null; then \
	    $(MIRI) && RUSTFLAGS="-Ctarget-feature=+avx2,+fma,+bmi1,+bmi2,+lzcnt,+popcnt" $(MIRI) -- kernels; \
	else echo "SKIP Miri: rustup toolchain install $(NIGHTLY) --component miri rust-src"; fi

test-valgrind: all $(VENV)/ready
	@if command -v valgrind > /dev/null; then \
	    PATH="$(CURDIR)/$(VENV)/fallback:$$PATH" $(MAKE) --no-print-directory -C tests/c valgrind CC="$(CC)"; \
	else echo "SKIP valgrind: apt install valgrind"; fi

# What is fed to it first: this machine's smaller extension modules. A find lies in build/fuzz.
FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: | need-cargo need-cc need-python ## feed damaged libraries to the ELF rewriter for FUZZ_SECONDS (1800 finds more)
	@$(CARGO) fuzz --version > /dev/null 2>&1 || { echo "make: cargo-fuzz is missing: cargo install cargo-fuzz"; exit 1; }
	@mkdir -p build/fuzz/corpus
	@find $$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_config_var("DESTSHARED"))') -name '*.so' -size -40k \
	    -exec cp {} build/fuzz/corpus \;
	CARGO_TARGET_DIR=target/fuzz $(CARGO) +$(NIGHTLY) fuzz run rewrite build/fuzz/corpus -- \
	    -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -artifact_prefix=build/fuzz/ -print_final_stats=1

# Benchmarks have a venv of their own: its peers are pinned, and need Python 3.11 or newer.
BENCH_VENV := build/bench-venv
BENCH       = $(PACKAGE) $(BENCH_VENV)/bin/python -m bench_py
SUITES     ?= gil kernels interpreters overheads
export NAME RESULT OLD NEW
.PHONY: bench bench-quick bench-report bench-compare bench-criterion test-criterion readme
bench: all $(BENCH_VENV)/ready ## measure ungil beside its peers (20 minutes): a result, and a page with plots in build/bench; SUITES=... for some
	@$(BENCH) run --suites $(SUITES) $(if $(NAME),--host "$$NAME")

bench-quick: all $(BENCH_VENV)/ready ## the same in less than a minute, with fewer sizes and rounds
	@$(BENCH) run --quick --suites $(SUITES) $(if $(NAME),--host "$$NAME")

bench-report: all $(BENCH_VENV)/ready ## the page of RESULT=file, or of the newest full result
	@$(BENCH) report $(if $(RESULT),"$$RESULT")

bench-compare: all $(BENCH_VENV)/ready ## OLD=file and NEW="file file" side by side; fails for a loss of more than a tenth in each new run
	@[ -n "$$OLD" ] && [ -n "$$NEW" ] || { echo 'make: bench-compare takes OLD=file NEW="file file"'; exit 2; }
	@$(BENCH) compare "$$OLD" $$NEW

readme: $(VENV)/ready ## write the newest full result's figures into the README
	@$(VENV)/bin/python -m bench_py readme

$(BENCH_VENV)/ready: bench_py/requirements.txt | need-python
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "make: the benchmarks' peers need Python 3.11 or newer: make $(or $(MAKECMDGOALS),bench) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(BENCH_VENV) || { echo "make: $(PYTHON) cannot make a venv: apt install python3-venv"; exit 1; }
	@$(BENCH_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

bench-criterion: | need-cargo need-cc ## the kernels at every CPU level, by criterion
	$(CARGO) bench -p ungil-benches -- $(CRITERION)

test-criterion: | need-cargo need-cc ## each of these once, which checks the answers
	$(CARGO) bench --profile quick --quiet -p ungil-benches -- --test --quiet

# The package as it lies here, with the library that was built.
PACKAGE := PYTHONPATH=$(CURDIR)/python UNGIL_LIBRARY=$(CURDIR)/$(LIB)/$(REAL)

.PHONY: test-package test-cloudpickle
test-package: all $(VENV)/ready test-cloudpickle ## the package's tests, on the Python of the tests' venv (test-wheel: on all)
	$(PACKAGE) $(VENV)/bin/python -m unittest discover -s tests/package

# The venv has the newest cloudpickle; what depends on it runs with the oldest that the package allows, too.
CLOUDPICKLE := build/cloudpickle-$(shell sed -n 's/.*"cloudpickle>=\([0-9.]*\)".*/\1/p' pyproject.toml)
PICKLING    := interpreters globals_of_main lent_memory pool standard_executors tracebacks

test-cloudpickle: all $(VENV)/ready $(CLOUDPICKLE)/ready
	cd tests/package && PYTHONPATH=$(CURDIR)/$(CLOUDPICKLE):$(CURDIR)/python UNGIL_LIBRARY=$(CURDIR)/$(LIB)/$(REAL) \
	    $(CURDIR)/$(VENV)/bin/python -m unittest $(PICKLING:%=test_%)

$(CLOUDPICKLE)/ready: pyproject.toml $(VENV)/ready
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(@D) \
	    cloudpickle==$(CLOUDPICKLE:build/cloudpickle-%=%)
	@touch $@

.PHONY: test-large
test-large: all $(VENV)/ready ## objects and arrays beyond 2^32 bytes: some minutes and 20 GiB, what there is no memory for is skipped
	PYTHONPATH=$(CURDIR)/python:$(CURDIR)/tests/package UNGIL_LIBRARY=$(CURDIR)/$(LIB)/$(REAL) \
	    $(VENV)/bin/python -m unittest discover -s tests/large -v

# COUNT times the package's and the interpreters' tests on these Pythons, two at a time: what fails keeps its log.
COUNT ?= 100
PYTHON_VERSIONS ?= 3.8 3.13
.PHONY: test-repeat
test-repeat: all need-python ## run the package's and the interpreters' tests COUNT (100) times on PYTHON_VERSIONS, to the first failure
	$(PYTHON) tests/repeat.py $(COUNT) $(PYTHON_VERSIONS)

.PHONY: test-bench
test-bench: all $(BENCH_VENV)/ready ## the benchmarks' own tests: that wrong answers are found, and nothing is lost
	@$(PACKAGE) $(BENCH_VENV)/bin/python -m unittest discover -s tests/bench

test-c: all $(VENV)/ready
	@PATH="$(CURDIR)/$(VENV)/fallback:$$PATH" $(MAKE) --no-print-directory -C tests/c CC="$(CC)"

test-python: all $(VENV)/ready
	@$(VENV)/bin/python tests/python/run.py

# Of several Pythons, these take the oldest, the newest and one that changes from commit to commit.
.PHONY: test-packages test-packages-all
test-packages: all need-python ## packages in interpreters, on three Pythons: fetches pandas, numba and more (1 GB)
	UNGIL_TEST_STRESS=$${UNGIL_TEST_STRESS:-rotating} $(PYTHON) tests/packages/run.py

test-packages-all: all need-python ## the same on every Python (3 GB)
	UNGIL_TEST_STRESS=full $(PYTHON) tests/packages/run.py

.PHONY: test-documents
test-documents: all need-python ## run ctypes articles' own scripts unchanged: DOCUMENTS=folder of their texts
	$(PYTHON) tests/documents.py $(DOCUMENTS)

.PHONY: test-install
test-install: all $(VENV)/ready ## install into the system (as root), use it there without any setting, uninstall
	$(VENV)/bin/python tests/system_install.py $(DOCUMENTS)

# zig links the library against the symbols of an old C library, GLIBC: it then works with all newer ones.
# - libgcc_s is what unwinds a thread that ends, or a C++ exception, and it asks the library about its frames. The
#   library has to answer by libgcc_s too, and not by an unwinder of its own, which is what zig would give it.
# - A symbol that the old C library lacks is an error (-z defs), and not a wheel that fails there.
GLIBC       ?= 2.17
WHEEL_TOOLS := build/wheel-tools
WHEEL_FLAGS  = -C link-arg=$$($(CC) -print-file-name=libgcc_s.so.1) -C link-arg=-Wl,-z,defs

.PHONY: wheel test-wheel test-wheel-all
wheel: $(WHEEL_TOOLS)/ready | need-cargo need-cc ## build a wheel for every Python and any Linux with glibc 2.17, into build/wheels/
	@PATH="$(CURDIR)/$(WHEEL_TOOLS)/bin:$$PATH" RUSTFLAGS="$$RUSTFLAGS $(WHEEL_FLAGS)" CARGO_TARGET_DIR=target/wheel \
	    $(CARGO) zigbuild --release --lib --locked --quiet --target $(HOST).$(GLIBC)
	@rm -rf build/wheels
	@UNGIL_WHEEL_LIBRARY=target/wheel/$(HOST)/release/libungil.so \
	    $(WHEEL_TOOLS)/bin/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheels/linux .
	@PATH="$(CURDIR)/$(WHEEL_TOOLS)/bin:$$PATH"; \
	    auditwheel repair --plat manylinux_$(subst .,_,$(GLIBC))_$$(uname -m) -w build/wheels build/wheels/linux/*.whl && \
	    auditwheel show build/wheels/*.whl

$(WHEEL_TOOLS)/ready: packaging/requirements.txt | need-python
	@$(PYTHON) -m venv $(WHEEL_TOOLS) || { echo "make: $(PYTHON) cannot make a venv: apt install python3-venv"; exit 1; }
	@$(WHEEL_TOOLS)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: -r $<
	@touch $@

test-wheel: wheel ## install the wheel on every Python from 3.8 on, without a compiler, and test it; on three with numba and more
	UNGIL_TEST_STRESS=$${UNGIL_TEST_STRESS:-rotating} $(PYTHON) tests/wheel/run.py

test-wheel-all: wheel ## the same with numba and more on each (3 GB)
	UNGIL_TEST_STRESS=full $(PYTHON) tests/wheel/run.py

# What tests need beyond the standard library. Where there is no pkg-config, the one from PyPI stands in.
$(VENV)/ready: tests/python/requirements.txt | need-python
	@$(PYTHON) -m venv $(VENV) || { echo "make: $(PYTHON) cannot make a venv: apt install python3-venv"; exit 1; }
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@mkdir -p $(VENV)/fallback
	@command -v pkg-config > /dev/null || { \
	    $(VENV)/bin/pip install --quiet --disable-pip-version-check pkgconf && \
	    ln -sf ../bin/pkgconf $(VENV)/fallback/pkg-config; }
	@touch $@

.PHONY: lint header
LINTED := python tests/package tests/large tests/bench packaging bench_py
lint: $(VENV)/ready | need-cargo need-cc ## rustfmt, clippy, ruff, mypy, and whether what is generated is the source's
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --release --all-targets --quiet -- -D warnings
	$(VENV)/bin/ruff check --quiet $(LINTED)
	$(VENV)/bin/ruff format --quiet --check $(LINTED)
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m bench_py readme --check
	$(CARGO) test --quiet -p ungil-header

header: | need-cargo need-cc ## write include/ungil.h, and the same for ctypes, from the source
	$(CARGO) run --quiet -p ungil-header

# `make && sudo make install` works where root has no cargo: then what was built is installed.
.PHONY: install uninstall
install: $(if $(shell command -v cargo 2> /dev/null),all) ## install under PREFIX (/usr/local), with DESTDIR and LIBDIR as usual
	@[ -e $(LIB)/$(REAL) ] || { echo "make: nothing is built yet: run make, where cargo is"; exit 1; }
	install -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(INCLUDEDIR)"
	rm -f "$(DESTDIR)$(LIBDIR)/$(SONAME)".* # another version with this SONAME
	install -m 755 $(LIB)/$(REAL) $(STUBS:%=$(LIB)/%) "$(DESTDIR)$(LIBDIR)"
	ln -sf $(REAL) "$(DESTDIR)$(LIBDIR)/$(SONAME)"
	ln -sf $(SONAME) "$(DESTDIR)$(LIBDIR)/libungil.so"
	ln -sf libpi_c.so "$(DESTDIR)$(LIBDIR)/pi_c.so"
	install -m 644 include/ungil.h "$(DESTDIR)$(INCLUDEDIR)"
	$(call fill_pc,$(PREFIX),$(LIBDIR),$(INCLUDEDIR)) > "$(DESTDIR)$(LIBDIR)/pkgconfig/ungil.pc"
	@$(refresh_loader)

uninstall: ## remove what install put there
	rm -f $(LIBRARY_FILES:%="$(DESTDIR)$(LIBDIR)/%") "$(DESTDIR)$(LIBDIR)/$(SONAME)".*
	rm -f "$(DESTDIR)$(LIBDIR)/pkgconfig/ungil.pc" "$(DESTDIR)$(INCLUDEDIR)/ungil.h"
	@$(remove_empty_folders)
	@$(refresh_loader)

# The loader's cache; where it cannot be refreshed, or does not cover LIBDIR, say how to be found.
refresh_loader = if [ -n "$(DESTDIR)" ]; then :; \
    elif [ "$$(id -u)" = 0 ] && ldconfig; then \
        if [ -e "$(LIBDIR)/$(SONAME)" ] && ! ldconfig -p | grep -qF "$(LIBDIR)/$(SONAME)"; then $(loader_hint); fi; \
    elif [ -e "$(LIBDIR)/$(SONAME)" ]; then $(loader_hint); fi
loader_hint = echo "hint: the loader does not look in $(LIBDIR) yet. As root, add it to /etc/ld.so.conf.d and" \
    "run ldconfig; or set LD_LIBRARY_PATH (and LIBRARY_PATH for find_library) to it."

# Empty folders go, but those that a system has anyway, and PREFIX, which somebody may have made for more than this.
remove_empty_folders = for folder in "$(LIBDIR)/pkgconfig" "$(LIBDIR)" "$(INCLUDEDIR)"; do \
    case "$(DESTDIR)$$folder" in /usr|/usr/lib|/usr/lib64|/usr/include|/usr/local|/usr/local/lib|/usr/local/include) ;; \
    *) rmdir --ignore-fail-on-non-empty "$(DESTDIR)$$folder" 2> /dev/null || true ;; esac; done

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build target

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

# A missing tool is one line that says how to get it.
.PHONY: need-cargo need-cc need-python
need = command -v $(1) > /dev/null || { echo "make: $(1) is missing: $(2)"; exit 1; }
need-cargo:
	@$(call need,cargo,install Rust 1.89 or newer from https://rustup.rs)
need-cc:
	@$(call need,$(firstword $(CC)),install a C compiler$(comma) for example apt install gcc)
need-python:
	@$(call need,$(PYTHON),install Python 3$(comma) for example apt install python3 python3-venv)
comma := ,
