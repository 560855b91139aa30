#!/usr/bin/env bash
# Holds the native sources to .clang-format and to lines of at most 100 columns; --fix formats them.
# clang-format is installed into .venv where it is missing; where it cannot be fetched, says so and
# checks the lines alone.
set -euo pipefail
cd "$(dirname "$0")/.."

version=21.1.8 # another one formats differently
mapfile -t sources < <(find native -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.c' | sort)

format=.venv/bin/clang-format
has_version() { "$format" --version 2>/dev/null | grep -qF " $version"; }
if ! has_version; then
  mkdir -p build
  .venv/bin/python -I -m pip install --quiet --disable-pip-version-check --retries 1 "clang-format==$version" \
    >build/pip.log 2>&1 || true
fi
if ! has_version; then
  echo "Skipped: cannot fetch clang-format $version; lines are checked all the same." >&2
elif [ "${1:-}" = --fix ]; then
  "$format" -i "${sources[@]}"
else
  "$format" --dry-run --Werror "${sources[@]}"
fi

long=$(awk 'length > 100 { print FILENAME ":" FNR ": " length " columns" }' "${sources[@]}")
if [ -n "$long" ]; then
  echo "$long" >&2
  exit 1
fi
