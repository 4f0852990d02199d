# Everything that is done with this repository starts here; `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export CGO_ENABLED := 0
export GOFLAGS := -buildvcs=false
CACHE := $(or $(DIP_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/dip)
DIP := go run ./cmd/dip
# Separate modules, each with tests of its own.
TOOLS := $(addprefix tools/,pulumi/plugin pulumi/aws pulumi/kubernetes pulumi/language-go lab workflows)
# Compiles what a command would compile without a word, and tells how far it is: minutes the first time.
COMPILE := go run ./tools/compile
# With cgo: the compression of archives for AWS, see internal/zstd.
LIBZSTD := -tags=libzstd,netgo,osusergo
UNIT = $(shell go list ./... | grep -v '^dip/e2e')

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: up
up: ## Bring the local stack up, ingest sample data and print the certificates
	@$(COMPILE) -what "the command line" ./cmd/dip
	@$(DIP) local up

.PHONY: down
down: ## Take down the local stack, leaving no resource, process or file
	@$(DIP) local down

.PHONY: test
test: vet ## Everything that must pass: vet, unit, component and end-to-end tests
	@$(MAKE) --no-print-directory -j2 checks e2e # the end-to-end tests mostly wait for the provider

.PHONY: checks
checks: unit tools-test

.PHONY: vet
vet: ## Vet all modules, tests included; go test does not do it again
	@$(COMPILE) ./...
	go vet ./...
	@set -e; for m in $(TOOLS); do echo "go -C $$m vet ./..."; go -C $$m vet ./...; done

.PHONY: unit
unit: ## Unit and component tests
	go test -vet=off $(UNIT)
	@# libzstd, which archives for AWS have, is compiled once, in a minute
	@if command -v gcc >/dev/null; then CGO_ENABLED=1 go test -vet=off $(LIBZSTD) ./internal/zstd ./internal/parquet; \
		else echo "no C compiler: internal/zstd and internal/parquet are not tested with libzstd"; fi

.PHONY: tools-test
tools-test: ## Tests of the tools' modules
	@go run ./tools/install -admission >/dev/null # minutes the first time, and it tells of them
	@set -e; for m in $(TOOLS); do echo "go -C $$m test ./..."; go -C $$m test -vet=off ./...; done

.PHONY: e2e
e2e: ## End-to-end tests: real engine, real provider, real functions, local emulator
	go test -vet=off -count=1 -v -timeout 40m ./e2e/...

.PHONY: lab
lab: ## Bring the stack dev up, cluster included, prove things on it and take it down
	@$(COMPILE) -C tools/lab -what "the lab" .
	@go run -C tools/lab .

PROOF ?= --stack dev --sizes 10GB
.PHONY: proof-aws
proof-aws: build ## Prove a stack on an AWS account, write proof.md and destroy it: PROOF="--stack dev --sizes 10GB,1TB"
	go run ./cmd/proof $(PROOF)

.PHONY: check
check: format-check vet lint unit ## Format, vet, lint and unit tests

.PHONY: format-check
format-check:
	@out=$$(git ls-files -co --exclude-standard '*.go' | grep -v '\.pb\.go$$' | xargs gofmt -l); \
	if [ -n "$$out" ]; then echo "gofmt would change:"; echo "$$out"; exit 1; fi

.PHONY: lint
lint: $(CACHE)/lint/golangci-lint ## Run the linters
	@set -e; for m in . $(TOOLS); do echo "golangci-lint $$m"; (cd $$m && $(CACHE)/lint/golangci-lint run ./...); done

$(CACHE)/lint/golangci-lint: tools/pins/lint/go.mod
	@echo "building golangci-lint (a few minutes the first time) ..."
	@mkdir -p $(@D)
	go -C tools/pins/lint build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: build
build: ## Build the Pulumi program and the functions for the cloud (arm64)
	go run ./cmd/build --arch arm64

STACK ?= dev
.PHONY: deploy
deploy: ## Deploy to AWS: build, push the workers' image, pulumi up: STACK=dev
	@go run ./cmd/deploy --stack $(STACK)

.PHONY: image
image: ## Build and push the image that the stack's workers run: STACK=dev
	@go run ./cmd/deploy --stack $(STACK) --image-only

.PHONY: digests
digests: ## Print the digests of images that a stack names by tag alone: STACK=prod
	@go run ./cmd/deploy --stack $(STACK) --digests

.PHONY: generate
generate: ## Regenerate what is generated: JSON Schema and page of the stack configuration
	go generate ./config/...

.PHONY: bench
bench: ## Measure the record path, in turns with DuckDB, ClickHouse, Polars and Go's libraries, where they can be installed
	@if command -v gcc >/dev/null; then CGO_ENABLED=1 go run $(LIBZSTD) ./bench; else go run ./bench; fi
