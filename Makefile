# Every target with a comment of two hashes is listed by `make help`.

GO            ?= go
OUT           := _output
LOCAL         := $(OUT)/local
CRD           := api/crd/ci.openshift.io_ephemeralclusters.yaml
E2E_TIMEOUT   ?= 60m

# What `make test` leaves to `make test-upgrade`.
UPGRADES      := ^(TestUpgrade|TestConfiguration|TestMigrate|TestDrain|TestDrainConfiguration|TestBeside)$$

# Components are built into the user's cache; see test/components. To use
# programs that you already have, set COMPONENTS_DIR to their directory; to have them
# downloaded, set COMPONENTS_FROM=images. What needs the path of one takes it first, because a
# shell forgets how an argument's command ended.
COMPONENT      = $(GO) run ./test/components/build
LINTER         = linter=$$($(COMPONENT) golangci-lint)

# Of what is built: by default a version made of the commit, pushed nowhere. Packages are
# for the registry that they are pushed to.
VERSION       ?=
REGISTRY      ?=
BUILD          = $(GO) run ./package/build

# Each component is built by a module of its own.
TOOL_MODULES  := $(sort $(dir $(wildcard test/tools/*/go.mod test/tools/*/*/go.mod)))

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-zA-Z0-9_-]+:.*## / {printf "%-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: components
components: ## Build what the local stack runs, where it is not cached.
	@$(COMPONENT)

.PHONY: demo
demo: components $(LOCAL) ## Run the whole life of a cluster on local control planes.
	@$(LOCAL) demo

.PHONY: up
up: components $(LOCAL) ## Start a local stack and leave it running (WITHOUT=reconciler,function leaves those out).
	@$(LOCAL) up

.PHONY: down
down: $(LOCAL) ## Stop the stack that `make up` left running.
	@$(LOCAL) down

.PHONY: $(LOCAL)
$(LOCAL):
	@$(GO) build -o $@ ./test/local

.PHONY: test
test: ## Run all tests that gate a change, and say how long each part took.
	@.ci/parts "$(MAKE) test-unit" "$(MAKE) test-api" "$(MAKE) render" "$(MAKE) test-e2e"

.PHONY: test-unit
test-unit: ## Run the unit tests, which need no components.
	$(GO) test ./...

.PHONY: test-api
test-api: ## Run the tests of single packages that need a real kube-apiserver.
	@$(COMPONENT) --link $(OUT)/components etcd kube-apiserver kubectl
	KUBEBUILDER_ASSETS=$(CURDIR)/$(OUT)/components $(GO) test -count 1 -p 2 -timeout 30m ./gen ./gen/xrd ./gen/kubeconfig ./gen/config ./reconciler ./cli/...

.PHONY: test-e2e
test-e2e: components ## Run the end-to-end tests on a local stack.
	$(GO) test -tags e2e -count 1 -p 1 -timeout $(E2E_TIMEOUT) -skip '$(UPGRADES)' ./test/e2e/... ./test/fault/...

.PHONY: test-upgrade
test-upgrade: components ## Run the end-to-end tests of upgrades, rollbacks and migrations, which take some minutes more.
	$(GO) test -tags e2e -count 1 -timeout $(E2E_TIMEOUT) -run '$(UPGRADES)' ./test/e2e

.PHONY: test-credentials
test-credentials: components ## Rotate a token through the real External Secrets operator, which takes long to build.
	@$(COMPONENT) external-secrets >/dev/null
	$(GO) test -tags e2e -count 1 -timeout $(E2E_TIMEOUT) -run '^TestRotation$$' ./test/e2e -args -external-secrets

.PHONY: render
render: ## Render examples/ with the crossplane CLI and compare with the goldens.
	$(GO) test -tags e2e -count 1 ./test/render/...

.PHONY: test-package
test-package: ## Build images and packages twice, push them to a local registry and run what is pulled.
	$(GO) test -tags e2e -count 1 -timeout 60m ./test/packages

.PHONY: images
images: ## Build images of the programs for amd64 and arm64, as OCI layouts in _output/images.
	@$(BUILD) images --out=$(OUT) --version=$(VERSION)

.PHONY: package
package: ## Build the Crossplane packages into _output/packages, one file for each architecture.
	@$(BUILD) package --out=$(OUT) --version=$(VERSION) $(if $(REGISTRY),--registry=$(REGISTRY))

.PHONY: push
push: ## Build images and packages and push them for all architectures (REGISTRY=quay.io/my-org).
	@$(BUILD) push --out=$(OUT) --version=$(VERSION) --registry=$(REGISTRY)

.PHONY: release
release: ## Build a release into _output/release (VERSION=v1.2.3).
	@$(BUILD) release --out=$(OUT) --version=$(VERSION) $(if $(REGISTRY),--registry=$(REGISTRY))

.PHONY: bench-fn
bench-fn: ## Measure the function against one that does nothing (about 2 minutes, for benchstat).
	$(GO) test -run '^$$' -bench '^BenchmarkFunction$$' -benchtime 3000x -count 6 ./test/bench/fn

.PHONY: bench-reconciler
bench-reconciler: components ## Measure the reconciler with up to 5000 clusters (for benchstat).
	$(GO) test -run '^$$' -bench '^BenchmarkReconciler$$' -benchtime 1x -timeout 120m ./test/bench/reconciler

.PHONY: generate
generate: ## Regenerate deepcopy, CRDs, XRDs and the manifests in deploy/.
	$(GO) generate -tags generate .

.PHONY: tidy
tidy: ## Tidy this module and those of the components.
	$(GO) mod tidy
	@set -e; for m in $(TOOL_MODULES); do $(GO) -C $$m mod tidy; done

.PHONY: linter
linter:
	@$(LINTER)

.PHONY: lint
lint: ## Run the linters (their first build takes about 4 minutes).
	@$(LINTER) && $$linter run

.PHONY: lint-fix
lint-fix: ## Run the linters and fix what they can.
	@$(LINTER) && $$linter run --fix

.PHONY: verify
verify: ## Check that the tree is tidy, generated, vetted and linted, and that none of that changed it.
	@# These name what is stale or was edited by hand, before it is generated anew.
	$(GO) run ./gen xrd --check
	$(GO) run ./gen config --check
	@$(GO) tool -modfile=test/tools/controller-gen/go.mod controller-gen crd paths=./api/v1 output:crd:artifacts:config=$(OUT)/crd
	$(GO) run ./gen breaking --all $(CRD) $(OUT)/crd/$(notdir $(CRD))
	$(MAKE) tidy generate
	$(GO) vet -tags e2e ./...
	$(MAKE) lint
	@git diff --exit-code || { echo "The tree changed: commit what was generated."; exit 1; }
	@test -z "$$(git status --porcelain)" || { git status --short; echo "Files are not committed."; exit 1; }
