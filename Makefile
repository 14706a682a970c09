# Genesis. `make` explains the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

CACHE ?= $(if $(GENESIS_CACHE),$(GENESIS_CACHE),$(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/genesis)
BINARIES = genesis genesis-trainer genesis-inference genesis-sandbox

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  cargo dev --help  lists the developer tasks behind them."

.PHONY: demo
demo: build ## One whole turn of the loop on this machine: KEEP=1 leaves it running, SEED=n draws other tasks
	cargo dev demo $(if $(SEED),--seed $(SEED)) $(if $(KEEP),--keep)

.PHONY: test
test: build ## All checks and tests, with a real Kubernetes control plane
	cargo dev check
	cargo test --workspace
	cargo dev cluster test

.PHONY: build
build: ## Build every binary that runs
	cargo build $(foreach name,$(BINARIES),--bin $(name)) --bin hack

.PHONY: check
check: ## Formatting, lints, layers and generated files, without the tests
	cargo dev check

.PHONY: generate
generate: ## Write the generated files: CRDs
	cargo dev generate

.PHONY: clean
clean: ## Remove what was built here; the cache of the control plane stays
	cargo clean
