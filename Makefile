# Ark. The two commands: make demo, make test.
SHELL := /bin/bash
.DEFAULT_GOAL := build
export CGO_ENABLED ?= 1
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
LISTEN ?= 127.0.0.1:8080

.PHONY: build test demo demo-reset demo-unattended crash bench tools rootfs deps vet clean

build: ## leaves bin/ark and its companions
	@mkdir -p bin
	CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o bin/ark ./cmd/ark
	CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o bin/ark-enclaved ./cmd/ark-enclaved
	CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o bin/ark-inspect ./cmd/ark-inspect
	CGO_ENABLED=1 go build -tags osusergo,netgo -ldflags '$(LDFLAGS) -linkmode external -extldflags "-static -Wl,--no-warnings"' -o bin/ark-engine ./cmd/ark-engine # static: it runs in any root file system

deps: ## installs what is missing: Debian packages by name
	@deploy/deps.sh

rootfs: deps ## the root file system of workspaces, kept in .cache
	@deploy/rootfs/build.sh

demo: deps build rootfs ## a working Ark on http://localhost:8080
	@bin/ark demo --dir .ark --listen $(LISTEN)

demo-reset: ## forget the demonstration and start over next time
	@bin/ark demo --dir .ark --reset

demo-unattended: deps build rootfs ## plays the main job as five users, and fails at the first thing that is not so
	@bin/ark demo --unattended

test: ## every test, as .ci/run calls it
	@deploy/test.sh

crash: deps build rootfs ## every kind of crash: all declared points, every word and write broken twice, 51 kills at random
	@ARK_WHOLE=1 ARK_CRASH=points,words,writes,kills,kills,kills go test -v -count=1 -timeout 60m -run Crashes ./deploy/real

bench: build ## the benchmark table
	@deploy/bench.sh

vet:
	go vet ./...

clean:
	rm -rf bin
