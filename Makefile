# Parley. `make` without a target lists what there is.

GO      ?= go
TAGS    := no_k8s
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X parley/app.Version=$(VERSION)
TOOL    := $(GO) tool -modfile=tools/go.mod
# RACE=1 runs the tests with the race detector, which needs a C compiler.
RACE    ?=
# The end-to-end tests with the race detector take some seven minutes on two cores. Many
# of them wait most of the time, so more of them run than there are cores.
TESTFLAGS := -tags $(TAGS) -timeout 25m -parallel 4 $(if $(RACE),-race)

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/parley
	@CGO_ENABLED=0 $(GO) build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o bin/parley .

.PHONY: run
run: build ## Run everything in one process, with its data in ./data
	@bin/parley

.PHONY: test
test: ## Run all tests; needs nothing but Go
	@$(GO) test $(TESTFLAGS) ./...

.PHONY: test-servers
test-servers: ## Run all tests on MariaDB, Redis and S3, which are started privately
	@$(GO) run -tags $(TAGS) ./e2e/servers -- $(GO) test $(TESTFLAGS) -count=1 ./...

# With the race detector objects of a GiB are left out, files are smaller, and the fakes
# of clouds run less often.
OBJECTS = $(shell grep -ho '^func Test[A-Za-z]*' e2e/storage*_test.go | cut -c6- | paste -sd '|' -)
.PHONY: test-objects
test-objects: ## Run the tests of object storage at full size, on every provider
	@$(GO) run -tags $(TAGS) ./e2e/servers -- $(GO) test $(TESTFLAGS) -count=1 -run 'WhatEveryProviderMust|^($(OBJECTS))$$' ./oss/... ./e2e

# SOAK is for how long.
SOAK    ?= 10m

.PHONY: soak
soak: ## Watch for SOAK=10m that a process under load keeps no more and more
	@PARLEY_SOAK=$(SOAK) $(GO) test -tags $(TAGS) -timeout 0 -count=1 -v -run TestNothingGrowsForEver ./e2e

.PHONY: bench
bench: ## Measure Parley against bare loops on MariaDB, Redis and S3
	@$(GO) run -tags $(TAGS) ./bench

.PHONY: gen
gen: ## Make all generated code again
	@$(GO) -C tools run ./gen

.PHONY: check
check: check-format check-vet check-lint check-tools check-proto check-gen check-tidy ## Check format, code, contracts and generated files

.PHONY: check-format
check-format:
	@files=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	if [ -n "$$files" ]; then echo "not formatted with gofmt:"; echo "$$files"; exit 1; fi

.PHONY: check-vet
check-vet:
	@$(GO) vet -tags $(TAGS) ./...

.PHONY: check-lint
check-lint:
	@$(TOOL) staticcheck -tags $(TAGS) ./...

# Contracts must not break for services and clients that are out already.
.PHONY: check-proto
check-proto:
	@$(TOOL) buf lint api/proto
	@if git cat-file -e main:api/proto/buf.yaml 2>/dev/null; then \
		$(TOOL) buf breaking api/proto --against '.git#branch=main,subdir=api/proto'; fi

# The generator, and that the documented API, the .api files and OpenAPI agree.
.PHONY: check-tools
check-tools:
	@$(GO) -C tools vet ./...
	@$(GO) -C tools test ./...

.PHONY: check-gen
check-gen:
	@$(GO) -C tools run ./gen -check

.PHONY: check-tidy
check-tidy:
	@$(GO) mod tidy -diff
	@cd tools && $(GO) mod tidy -diff
