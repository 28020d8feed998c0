# make run starts the registry; make test runs all tests. make help tells the rest.

GO      ?= go
BIN     := build/roster
TAGS    := nomsgpack
VERSION ?=
LDFLAGS := -s -w $(if $(VERSION),-X main.stamped=$(VERSION))
LINT    := $(GO) tool -modfile=tools/go.mod golangci-lint
VULN    := $(GO) tool -modfile=tools/vuln/go.mod govulncheck
FUZZ    ?= 10s

# The end-to-end tests measure times: they run when nothing else does.
E2E      = ./internal/e2e
PACKAGES = $(shell $(GO) list ./... | grep -v '/internal/e2e$$')
# What these test are processes, which the race detector does not see (ROSTER_E2E_RACE=1 builds
# the nodes of the end-to-end tests with it).
PROCESSES = /internal/e2e$$|/client/node$$|/internal/nodetest$$|/examples/
# vet is a step of its own, and without what a debugger needs programs are linked in half the time.
QUICK    = -vet=off -ldflags=-w

export CGO_ENABLED ?= 0
# What is compiled serves every step, other folders, and the programs that tests build.
export GOFLAGS := $(strip $(GOFLAGS) -trimpath)

.PHONY: run build backends test race vet lint vuln fuzz bench microbench clean help

## run: start the registry for this machine: in memory, nothing to configure
run: build
	@./$(BIN) dev

## build: build build/roster
build:
	@$(GO) build -tags $(TAGS) -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/roster

## backends: what the tests need beside Go: programs from the system's packages; etcd is built once
backends:
	@for need in redis-server:redis-server chromium:chromium node:nodejs npm:npm python3:python3; do \
		program=$${need%%:*}; package=$${need#*:}; \
		command -v $$program >/dev/null && continue; \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			echo "installing $$package"; \
			(apt-get install -y --no-install-recommends $$package || \
				(apt-get update && apt-get install -y --no-install-recommends $$package)) >/dev/null || exit 1; \
		else \
			echo "$$program is not installed: tests that need it are skipped. On Debian or Ubuntu: apt-get install $$package" >&2; \
		fi; \
	done
	@$(GO) build -C tools/etcd -ldflags="-s -w" -o /dev/null go.etcd.io/etcd/server/v3 || \
		echo "etcd cannot be built: tests that need it are skipped" >&2

## test: run all tests
test: backends
	$(GO) test $(QUICK) -tags $(TAGS) -timeout 10m $(PACKAGES)
	$(GO) test $(QUICK) -tags $(TAGS) -timeout 10m $(E2E)

## race: run the tests under the race detector (needs a C compiler), all but those of other processes
race: backends
	CGO_ENABLED=1 $(GO) test $(QUICK) -race -tags $(TAGS) -timeout 12m \
		$$($(GO) list ./... | grep -vE '$(PROCESSES)')

## vet: what the Go tool finds suspicious, and the format
vet:
	$(GO) vet -tags $(TAGS) ./...
	@test -z "$$(gofmt -l .)" || { echo "gofmt wants:"; gofmt -l .; exit 1; }

## lint: the linters of .golangci.yml, which also keep the boundaries between packages
lint:
	$(LINT) run --timeout 10m ./...

## vuln: known vulnerabilities in what the program calls (asks the Go vulnerability database: no step of .ci/run)
vuln:
	$(VULN) -tags $(TAGS) ./...

## fuzz: run every fuzz target for FUZZ (10s, or a number like 5000x); what it finds interesting is kept in Go's build cache
fuzz:
	@GO="$(GO)" TAGS="$(TAGS)" tools/fuzz.sh $(FUZZ)

## bench: drive Roster on each backend and servers that do less in turn, and print the ratios
bench:
	$(GO) run -tags $(TAGS) ./internal/bench/cmd/rosterbench

## microbench: the Go benchmarks
microbench:
	$(GO) test -tags $(TAGS) -run='^$$' -bench=. -benchmem ./lease ./auth ./catalog ./registry ./store/memory ./store/redis ./store/etcd ./api

## clean: remove what was built
clean:
	rm -rf build

## help: this list
help:
	@grep -hE '^## ' $(MAKEFILE_LIST) | sed 's/^## /  /'
