#!/usr/bin/env bash
# Compiles every source of the shim that uses libtorch against the headers of torch 2.11, the oldest
# that is known to work, without making code. They are those of the wheel for macOS, 80 MB in place of
# a gigabyte; the headers are the same. Where they cannot be fetched, says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "$*" >&2; }
version=2.11.0
headers=build/torch-$version

if [ ! -f "$headers/complete" ]; then
  python=.venv/bin/python
  [ -x "$python" ] || python=python3
  say "Fetching the headers of torch $version, 80 MB ..."
  rm -rf "$headers"
  mkdir -p "$headers"
  if ! "$python" -I -m pip download --quiet --disable-pip-version-check --retries 1 --no-deps --only-binary=:all: \
    --python-version 3.11 --platform macosx_11_0_arm64 --dest "$headers" "torch==$version" >build/pip.log 2>&1; then
    say "Skipped: cannot fetch torch $version ($(tail -n 1 build/pip.log))."
    exit 0
  fi
  "$python" -I - "$headers" <<'PYTHON'
import glob, sys, zipfile
folder = sys.argv[1]
with zipfile.ZipFile(glob.glob(f"{folder}/*.whl")[0]) as wheel:
    wheel.extractall(folder, [n for n in wheel.namelist() if n.startswith("torch/include/")])
PYTHON
  rm -f "$headers"/*.whl
  touch "$headers/complete"
fi

compile() {
  # shellcheck disable=SC2086 # CXX may hold options
  ${CXX:-c++} -std=c++20 -fsyntax-only -DUSE_C10D_GLOO -Inative/src -Inative/include \
    -isystem native/src/group/gloo -isystem "$1/torch/include" \
    -isystem "$1/torch/include/torch/csrc/api/include" "$2"
}
export -f compile
mapfile -t sources < <(grep -rlE '#include [<"](ATen|c10|torch)/' native/src --include='*.cpp' | grep -v /cuda/)
printf '%s\0' "${sources[@]}" |
  xargs -0 -n 1 -P "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)" bash -c 'compile "$0" "$1"' "$headers"
say "${#sources[@]} sources compile against torch $version."
