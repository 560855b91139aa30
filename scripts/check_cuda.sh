#!/usr/bin/env bash
# Compiles the CUDA kernels of the shim, on a machine without CUDA too, and compares what comes of them
# with kernels.ptx, which travels with the sources. nvcc is the machine's, or lies in PyPI's wheels,
# 100 MB. Not part of every run of the tests. Where nvcc cannot be had, says so and ends well.
#
#   --write  writes kernels.ptx
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "$*" >&2; }
version="13.0.*"
folder=build/cuda
source=native/src/torch/cuda/kernels.cu
kernels=native/src/torch/cuda/kernels.ptx

fetch_nvcc() {
  if [ ! -f "$folder/complete" ]; then
    python=.venv/bin/python
    [ -x "$python" ] || python=python3
    say "Fetching nvcc, 100 MB ..."
    rm -rf "$folder"
    mkdir -p "$folder"
    if ! "$python" -I -m pip install --quiet --disable-pip-version-check --retries 1 --no-deps --target "$folder" \
      "nvidia-cuda-nvcc==$version" "nvidia-cuda-crt==$version" "nvidia-cuda-runtime==$version" \
      "nvidia-cuda-cccl==$version" "nvidia-nvvm==$version" >build/pip.log 2>&1; then
      say "Skipped: cannot fetch nvcc ($(tail -n 1 build/pip.log))."
      exit 0
    fi
    touch "$folder/complete"
  fi
  toolkit=$(dirname "$(dirname "$(find "$folder" -path '*/bin/nvcc' | head -n 1)")")
  [ -e "$toolkit/lib64" ] || ln -s lib "$toolkit/lib64"
}

mkdir -p "$folder"
if command -v nvcc >/dev/null && nvcc --version | grep -q "release 13.0"; then
  toolkit=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc)")")")
else
  fetch_nvcc
fi
made=$folder/kernels.ptx
# For the oldest GPU that this nvcc knows. Its text says it needs the newest driver; the instructions
# are all older, as ptxas confirms below.
"$toolkit/bin/nvcc" -std=c++17 -arch=compute_75 -ptx -Inative/src "$source" -o "$made.raw"
{
  echo "// Made by scripts/check_cuda.sh of kernels.cu and philox.h, whose SHA-256 is"
  echo "// $(cat "$source" native/src/core/philox.h | sha256sum | cut -d ' ' -f 1)"
  sed -e '/^\/\//d' -e '/^[[:space:]]*$/d' -e 's/^\.version .*/.version 6.3/' "$made.raw"
} >"$made"
if [ -x "$toolkit/bin/ptxas" ]; then
  for architecture in sm_75 sm_80 sm_90 sm_100; do
    "$toolkit/bin/ptxas" "-arch=$architecture" "$made" -o /dev/null
  done
fi
if [ "${1:-}" = --write ]; then
  cp "$made" "$kernels"
  say "$kernels: $(stat -c %s "$kernels") bytes."
elif ! cmp -s "$made" "$kernels"; then
  say "$kernels is not what $source compiles to: scripts/check_cuda.sh --write"
  exit 1
else
  say "$kernels is what $source compiles to."
fi
