# All targets work on Linux with Go, git, make and gcc; tests of the screen need tmux (.ci/packages),
# and pictures of it what make screenshots names.
SHELL         := /bin/bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS     += --no-print-directory

CACHE   := $(or $(KUBECTL_CANARY_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kubectl-canary)
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo none)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
GOBUILD := CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)'

# Tools are built from their own pinned modules; the name carries the pin, so that a new one is
# built and the old one is not used by mistake.
LINT_MOD := test/tools/lint
LINT     := $(CACHE)/tools/golangci-lint-$(shell cat $(LINT_MOD)/go.sum 2>/dev/null | sha256sum | cut -c1-16)

# The modules of the repository that have Go code to be checked.
MODULES := . test test/tools/gen

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the programs into bin/
	$(GOBUILD) -o bin/kubectl-canary ./cmd/kubectl-canary
	$(GOBUILD) -o bin/canary-agent ./cmd/canary-agent

.PHONY: test
test: test-unit test-model test-integration test-cli e2e faults ## Run everything that can run here

.PHONY: test-unit
test-unit: ## Test the packages by themselves, with the race detector
	go test -race ./...
	cd test && go test -race ./app/... ./load/... ./cmd/screenshots/...
	cd test/tools/gen && go test ./...

.PHONY: test-model
test-model: ## Explore the decision function in a simulated world
	go test ./agent/rollout -run 'TestModel' -count=1 -v -model.full

.PHONY: testbed-bin
testbed-bin: ## Build the programs of the test cluster into the cache (first time about 15 minutes)
	@cd test && go run ./testbed/cmd/testbed-build >/dev/null

.PHONY: test-integration
test-integration: testbed-bin ## Test the test cluster itself on a real control plane
	cd test && go test -count=1 -timeout 10m ./testbed/... ./stage/... ./terminal/...

.PHONY: test-cli
test-cli: testbed-bin ## Run every verb of the plugin in scripts against a real control plane; RUN=regex selects
	cd test && go test -count=1 -timeout 15m -p 3 -parallel 4 $(if $(RUN),-v -run 'TestScripts/$(RUN)') ./cli/...

.PHONY: e2e
e2e: testbed-bin ## Release the seeds on a real control plane, upgrade the agent; RUN=regex selects tests
	cd test && go test -count=1 -timeout 20m $(if $(RUN),-v -run '$(RUN)') ./e2e/...
	cd test && go test -count=1 -timeout 10m $(if $(RUN),-v -run '$(RUN)') ./upgrade/...

.PHONY: faults
faults: testbed-bin ## Kill, hang, panic and meddle during releases; print a row per fault (about 4 minutes)
	cd test && go test -count=1 -timeout 15m -v ./faults/... | grep -vE '^=== |^ +--- PASS'

.PHONY: bench
bench: testbed-bin ## Print what a rollout, the verbs and the screens cost: time, requests, memory
	go test -count=1 -run '^$$' -bench 'Update|View|Frame' -benchmem -benchtime 200x ./tui/
	cd test && go test -count=1 -timeout 20m -run '^$$' -bench . -benchtime 1x ./bench/...

.PHONY: demo
demo: testbed-bin ## Show a release in a test cluster; HEADLESS=1 without a screen, BAD=1 with a failing version
	@echo 'build the demo'; cd test && go build -o ../bin/demo ./cmd/demo
	@HEADLESS='$(HEADLESS)' BAD='$(BAD)' ./bin/demo

.PHONY: screenshots
screenshots: ## Make the pictures in docs/screenshots: the real program in a real terminal (Xvfb, kitty)
	cd test && go run ./cmd/screenshots $(if $(ONLY),-only '$(ONLY)')

$(LINT):
	@mkdir -p $(@D)
	cd $(LINT_MOD) && go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: lint
lint: $(LINT) ## Check style and the walls between folders
	@for m in $(MODULES); do echo "lint $$m"; (cd $$m && $(LINT) run --config $(CURDIR)/.golangci.yml ./...); done
	@$(LINT) run --config $(CURDIR)/.golangci.yml --build-tags faults ./agent/
	@test/tools/check-files

.PHONY: generate
generate: ## Generate deep copies and CRDs from the API types, the pages of the verbs, and the agent's ledger of packages
	cd test/tools/gen && go tool controller-gen object crd:allowDangerousTypes=true paths=../../../api/... output:crd:dir=../../../manifests/crd
	go list -deps ./cmd/canary-agent | grep '\.' | grep -v '^github.com/kubectl-canary' | LC_ALL=C sort > cmd/canary-agent/packages.txt
	cd test && go run ./cmd/docs

.PHONY: verify
verify: generate ## Check that generated files and modules are current
	@for m in . test test/tools/gen; do (cd $$m && go mod tidy -diff); done
	@git diff --exit-code -- api manifests cmd docs && ! git ls-files --others --exclude-standard -- docs | grep . || { echo 'generated files are not current: run make generate and commit'; exit 1; }

.PHONY: release-snapshot
release-snapshot: ## Build the archives of all platforms and krew's manifest into dist/
	@nice go run ./krew/cmd/snapshot

.PHONY: krew-check
krew-check: release-snapshot ## Check manifest and archives by the rules of krew's index, install and run them
	@go run ./krew/cmd/check -kubectl "$$(cd test && go run ./testbed/cmd/testbed-build kubectl)"

.PHONY: clean
clean: ## Remove what was built here; the cache stays
	rm -rf bin dist
