#!/usr/bin/env bash
# Renews the lock files for every platform. They name versions only: no index, no URL.
# vega_datasets is in the demo for its data files alone; pandas and numpy, which it would import, are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { uv pip compile --quiet --universal --no-header --no-annotate --python-version 3.11 pyproject.toml "$@"; }
compile --extra demo --group dev --output-file requirements/development.txt
compile --constraint requirements/development.txt --output-file requirements/runtime.txt
compile --constraint requirements/development.txt --extra demo \
    --no-emit-package pandas --no-emit-package numpy --output-file requirements/demo.txt
