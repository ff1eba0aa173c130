# make         everything that CI checks (it needs xmllint, npm and chromium; .ci/run installs them)
# make test    the tests alone: only Go is needed, and what is missing besides is skipped by name
GO      ?= go
FUZZ    ?= 10000x
SUDO    ?= $(shell [ "$$(id -u)" = 0 ] || echo sudo)
TOOL     = $(GO) tool -modfile=tools/go.mod

.PHONY: soak all build test lint format generate console fuzz bench performance dist dist-test
all: generate format lint console test fuzz

build:
	$(GO) build -trimpath -o bin/ ./cmd/...

test:
	$(GO) vet ./...
	$(GO) test -race -timeout 10m ./...

format:
	@out="$$($(TOOL) gofumpt -l $$(git ls-files '*.go' ':!*_gen.go'))"; test -z "$$out" || { echo "not formatted by gofumpt:"; echo "$$out"; exit 1; }

lint:
	$(TOOL) golangci-lint run ./...

# generate fails where what is committed is not what the tables say.
generate:
	$(GO) generate ./...
	$(GO) run ./web/internal/openapi web/openapi.yaml
	git diff --exit-code -- '*_gen.go' web/openapi.yaml web/asyncapi.yaml docs/support.md docs/configuration.md docs/errors.md

# console fails where the committed assets are not what the source builds.
console:
	cd web/console && npm ci --no-audit --no-fund && npm run check && npm test && npm run build
	git diff --exit-code -- web/console/dist
	test -z "$$(git status --porcelain -- web/console/dist)"

# dist builds what a release consists of; dist-test installs it in a clean system and runs it there (root, debootstrap, systemd-analyze).
dist:
	packaging/dist
	npx --yes dockerfilelint@1.8.0 packaging/Dockerfile

dist-test: dist
	$(SUDO) packaging/test

# fuzz gives every fuzz target some thousand inputs. Counted, not timed: a run that ends by time now and then fails with its own deadline.
fuzz:
	@grep -rlE '^func Fuzz' --include='*_test.go' . | while read -r f; do \
	  for t in $$(grep -oE '^func Fuzz\w+' $$f | cut -c6-); do \
	    echo "== $$(dirname $$f) $$t"; $(GO) test -run '^$$' -fuzz "^$$t$$" -fuzztime $(FUZZ) -fuzzminimizetime 10x ./$$(dirname $$f) || exit 1; \
	  done; done

# soak lets everything fail that may, again and again under load, and prints what stopped and how long it took to come back. Loopback only; root, or a kernel
# that gives users name spaces. SOAK=5m is enough for a look.
SOAK ?= 1h
soak:
	FARHOOK_SOAK=$(SOAK) $(GO) test -run '^TestSoak$$' -count=1 -v -timeout 0 ./cmd/farhook

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# performance prints, in some six minutes, what docs/performance.md is filled in from. The machine should have nothing else to do.
performance: build
	bin/farhook bench
	bin/farhook bench web
	$(GO) test -run '^$$' -bench 'Wiretap|Info|Call$$|Decode|Encode' -benchmem ./uacsta ./csta
	$(GO) test -run '^$$' -bench . ./pbxadapter/asterisk ./pbxadapter/freeswitch
	$(GO) test -run '^$$' -bench Board ./web/console/e2e
