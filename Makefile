# `make demo` and `make test` set up what they need; the other targets are for work on Quayside itself.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCAL_AWS := build/local_aws
RUNTIME ?= python3.13
ARCHITECTURE ?= x86_64
READY := build/setup/ready
BASE_IMAGE ?= python:3.13-slim
VERSION := $(shell sed -n 's/^version: *//p' galaxy.yml)
IMAGE := quayside/fargate
RESOLVE := $(BIN)/uv pip compile --quiet --generate-hashes --no-annotate --no-python-downloads --python-version 3.13 \
  --python-platform linux --custom-compile-command 'make lock'

export PYTHONDONTWRITEBYTECODE = 1

.PHONY: help setup demo up down functions image image-test wheels lock molecule check test walks lint roles version release bench-rotation clean

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: $(READY) ## Make the virtual environment with the pinned requirements.

$(READY): set_up.py requirements.txt requirements-dev.txt constraints.txt examples/orders/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Quayside needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=/path/to/python3.13 ...")'
	@$(PYTHON) set_up.py $(VENV)
	@mkdir -p $(@D) && touch $@

demo: setup ## Deploy a whole platform and two services on a local AWS, call them, and stop it.
	$(BIN)/python -m examples.demo

up: setup ## Start a local AWS to try things on, and say what to type next.
	@$(BIN)/python -m examples.up --directory $(LOCAL_AWS)

down: setup ## Stop it.
	@$(BIN)/python -m local_aws stop --directory $(LOCAL_AWS)

functions: setup ## Build the Lambda functions for RUNTIME and ARCHITECTURE.
	$(BIN)/python -m custom_resources.build --runtime $(RUNTIME) --architecture $(ARCHITECTURE) --output build/functions

image: ## Build the deploy image; OFFLINE=1 takes the wheels that `make wheels` has downloaded, and no network.
	docker build --build-arg PIP_INDEX_URL $(if $(OFFLINE),--network none --build-arg PIP_NO_INDEX=1) \
	  --build-arg BASE_IMAGE=$(BASE_IMAGE) \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$(shell git rev-parse HEAD) \
	  --tag $(IMAGE):$(VERSION) --tag $(IMAGE):dev .

image-test: setup ## Test the deploy image, built for the tests; without Docker that is a failure.
	REQUIRE_DOCKER=1 $(BIN)/python -m pytest tests/image

wheels: setup ## Download the wheels that the deploy image is built from.
	$(BIN)/python -m deploy_image.download_wheels

lock: setup ## Resolve the deploy image's requirements anew, with hashes.
	$(RESOLVE) deploy_image/requirements.in --output-file deploy_image/requirements.txt
	$(RESOLVE) deploy_image/collections.in --no-deps --output-file deploy_image/collections.txt

molecule: setup ## Run molecule's scenarios, one for every role and one for a flip, on a local AWS.
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/molecule test --all

check: setup ## Run what a commit needs, in under 90 seconds: linters, unit tests, the quickest on real servers.
	tests/check.sh

test: setup ## Run every test but the walks; what it skips, and why, stands at the end.
	tests/run.sh

walks: setup ## Run the tests that take long by nature; what WALKS_SECONDS cuts off stands at the end.
	tests/walks.sh

lint: setup ## Check templates, roles, code and scripts.
	$(BIN)/cfn-lint templates/*.yml
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd examples/orders && ../../$(BIN)/mypy --config-file ../../pyproject.toml . # a project of its own
	$(BIN)/yamllint --strict .
	PATH="$(CURDIR)/$(BIN):$$PATH" ANSIBLE_HOME=$(CURDIR)/build/ansible $(BIN)/ansible-lint
	git ls-files -z '*.sh' .ci/run | xargs -0 $(BIN)/shellcheck
	git ls-files -z '*Dockerfile' | xargs -0 $(BIN)/hadolint

roles: setup ## Mirror the templates' parameters in the roles' argument specs, these in READMEs, docs/templates.md's tables and the compact template.
	$(BIN)/python -m docs.mirror_parameters
	$(BIN)/python docs/mirror_argument_specs.py
	$(BIN)/python docs/parameter_changes.py
	$(BIN)/python -m docs.compact_template

version: setup ## Write galaxy.yml's version into templates and examples.
	$(BIN)/python -m release.version

release: setup ## Write what a release gives out to dist/, from what is committed; it tags and pushes nothing.
	$(BIN)/python -m release build

bench-rotation: setup ## Count denied logins through rotations, beside single-user rotation; takes a quarter of an hour.
	$(BIN)/python -m benchmarks.rotation

clean: ## Remove what was built, dist/ too. A running local AWS: make down first.
	rm -rf build dist $(VENV)
