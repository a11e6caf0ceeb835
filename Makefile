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
test-servers: ## Run all tests on MariaDB, Redis, etcd and S3, which are started privately
	@$(GO) run -tags $(TAGS) ./e2e/servers -- $(GO) test $(TESTFLAGS) -count=1 ./...

# TiDB is built from its module first, which takes minutes and some GB of Go's cache; its
# tests take longer than those of MariaDB. This is for once a night, not for each change.
.PHONY: test-tidb
test-tidb: ## Run all tests on TiDB instead of MariaDB
	@$(GO) run -tags $(TAGS) ./e2e/servers -database tidb -- $(GO) test $(TESTFLAGS) -count=1 -p 1 ./...

# As test-servers, on Redis clusters of three: everything that goes through Redis works
# where keys are on several nodes.
.PHONY: test-cluster
test-cluster: ## Run the end-to-end tests on Redis clusters of three
	@$(GO) run -tags $(TAGS) ./e2e/servers -redis cluster -- $(GO) test $(TESTFLAGS) -count=1 -p 1 ./e2e

# The scenarios once more, each on an installation of two of every service.
.PHONY: test-twice
test-twice: ## Run the end-to-end tests with two of every service, found through etcd
	@PARLEY_TEST_TWICE=1 $(GO) run -tags $(TAGS) ./e2e/servers -- $(GO) test $(TESTFLAGS) -count=1 ./e2e

# SOAK is for how long.
SOAK    ?= 10m

.PHONY: soak
soak: ## Watch for SOAK=10m that a process under load keeps no more and more
	@PARLEY_TEST_SOAK=$(SOAK) $(GO) test -tags $(TAGS) -timeout 0 -count=1 -v -run TestNothingGrowsForEver ./e2e

# CHAOS is for how long. PARLEY_TEST_CHAOS_SEED repeats what happened in another run.
CHAOS   ?= 10m

.PHONY: chaos
chaos: ## Kill and freeze everything at random for CHAOS=10m, under load
	@PARLEY_TEST_CHAOS=$(CHAOS) $(GO) test -tags $(TAGS) -timeout 0 -count=1 -v -run TestChaos ./e2e

.PHONY: bench
bench: ## Measure Parley against bare loops on MariaDB, Redis and S3
	@$(GO) run -tags $(TAGS) ./bench

.PHONY: gen
gen: ## Make all generated code again
	@$(GO) -C tools run ./gen

.PHONY: check
check: check-format check-vet check-lint check-tools check-deploy check-proto check-gen check-tidy ## Check format, code, contracts and generated files

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
	@$(GO) -C tools test ./gen/... ./openapi/...

# What is in deploy/: that the image is built and runs, that compose.yaml and the manifests
# of Kubernetes are what they should be, and that alerts and dashboards ask for what is
# measured. Tests with nginx and promtool are in test-servers.
.PHONY: check-deploy
check-deploy: ## Check the image, compose, Kubernetes, alerts and dashboards
	@$(GO) -C tools test -count=1 ./deploy/...

.PHONY: check-gen
check-gen:
	@$(GO) -C tools run ./gen -check

.PHONY: check-tidy
check-tidy:
	@$(GO) mod tidy -diff
	@cd tools && $(GO) mod tidy -diff
