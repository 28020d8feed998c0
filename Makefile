# make run starts the registry; make test runs all tests. make help tells the rest.

GO      ?= go
BIN     := build/roster
TAGS    := nomsgpack
VERSION ?=
LDFLAGS := -s -w $(if $(VERSION),-X main.stamped=$(VERSION))
LINT    := $(GO) tool -modfile=tools/go.mod golangci-lint
FUZZ    ?= 10s

export CGO_ENABLED ?= 0

.PHONY: run build test race vet lint fuzz bench microbench clean help

## run: start the registry for this machine: in memory, nothing to configure
run: build
	@./$(BIN) dev

## build: build build/roster
build:
	@$(GO) build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/roster

## test: run all tests
test:
	$(GO) test -tags $(TAGS) -timeout 5m ./...

## race: run all tests under the race detector (needs a C compiler)
race:
	CGO_ENABLED=1 $(GO) test -race -tags $(TAGS) -timeout 8m ./...

## vet: what the Go tool finds suspicious, and the format
vet:
	$(GO) vet -tags $(TAGS) ./...
	@test -z "$$(gofmt -l .)" || { echo "gofmt wants:"; gofmt -l .; exit 1; }

## lint: the linters of .golangci.yml, which also keep the boundaries between packages
lint:
	$(LINT) run --timeout 10m ./...

## fuzz: run every fuzz target for FUZZ (10s)
fuzz:
	@for pkg in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -rhoE '^func Fuzz[A-Za-z0-9_]+' $$pkg/*_test.go | sed 's/func //'); do \
			echo "fuzz $$pkg $$target"; \
			$(GO) test -tags $(TAGS) -run='^$$' -fuzz="^$$target$$" -fuzztime=$(FUZZ) -fuzzminimizetime=100x $$pkg || exit 1; \
		done; \
	done

## bench: drive Roster and a bare Gin server in turn and print the ratios
bench:
	$(GO) run -tags $(TAGS) ./internal/bench/cmd/rosterbench

## microbench: the Go benchmarks
microbench:
	$(GO) test -tags $(TAGS) -run='^$$' -bench=. -benchmem ./lease ./auth ./catalog ./registry ./store/memory ./api

## clean: remove what was built
clean:
	rm -rf build

## help: this list
help:
	@grep -hE '^## ' $(MAKEFILE_LIST) | sed 's/^## /  /'
