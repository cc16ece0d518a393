# What one can ask of this repository. `make run` needs the Rust toolchain alone; the rest is for testing.
CARGO ?= cargo

.PHONY: run test bench load lint

# Builds, makes a demonstration academy in an embedded database, and serves it on http://127.0.0.1:8080.
run:
	$(CARGO) build --release
	./target/release/cplds serve --demo

# Installs what is missing, starts a PostgreSQL of its own, runs every test on both engines, stops it.
test:
	tests/tools/test.sh

bench:
	$(CARGO) bench --bench certificate --bench session --bench exchange

load:
	$(CARGO) bench --bench load

# cargo-deny reads deny.toml, cargo-audit the advisories: both only where they are installed.
lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny check; else echo "cargo-deny: not installed, not run"; fi
	@if command -v cargo-audit >/dev/null; then $(CARGO) audit; else echo "cargo-audit: not installed, not run"; fi
