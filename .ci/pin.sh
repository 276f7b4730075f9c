#!/usr/bin/env bash
# Pin again what pyproject.toml and .ci/requirements.in ask for. Needs uv.
# Pins that still fit stay; "--upgrade" moves all of them, "--upgrade-package NAME" one.
set -euo pipefail
cd "$(dirname "$0")/.."

pin() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links "$@"
}

pin "$@" pyproject.toml --output-file requirements.txt
pin "$@" .ci/requirements.in --constraint requirements.txt --output-file .ci/requirements.txt
