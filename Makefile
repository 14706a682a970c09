# Genesis. `make` explains the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

TARGET = $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
# The built program, not `cargo dev`: cargo would build the dependencies once more with the features of one crate.
DEV = $(TARGET)/$(shell rustc --print host-tuple)/debug/hack

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  cargo dev --help  lists the developer tasks behind them."

.PHONY: demo
demo: build ## One whole turn of the loop on this machine: KEEP=1 leaves it running, SEED=n draws other tasks
	$(DEV) demo $(if $(SEED),--seed $(SEED)) $(if $(KEEP),--keep)

.PHONY: test
test: build ## All checks and all tests, with a real Kubernetes control plane
	$(DEV) check
	$(DEV) lint
	$(DEV) charts
	$(DEV) cluster build
	GENESIS_REQUIRE_SANDBOX=1 GENESIS_RUNSC=$$($(DEV) cluster runsc) cargo test --workspace --all-targets
	cargo test --workspace --doc

.PHONY: build
build: ## Build everything that runs
	cargo build --workspace --all-targets

.PHONY: images
images: build ## Container images as OCI archives in target/images, without a container engine
	$(DEV) images

.PHONY: check
check: build ## Formatting, layers and generated files, without the tests
	$(DEV) check

.PHONY: generate
generate: build ## Write the generated files: CRDs
	$(DEV) generate

.PHONY: clean
clean: ## Remove what was built here; the cache of the control plane stays
	cargo clean
