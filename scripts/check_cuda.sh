#!/usr/bin/env bash
# Compiles the CUDA sources of the shim on a machine without CUDA: nvcc lies in PyPI's wheels, 100 MB.
# Not part of every run of the tests. Where it cannot be fetched, says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "$*" >&2; }
version="13.0.*"
folder=build/cuda

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
object=$folder/noise.o
"$toolkit/bin/nvcc" -std=c++17 -arch=sm_80 -Xcompiler -fPIC -Inative/src -Inative/include -c native/src/torch/cuda/noise.cu -o "$object"
say "native/src/torch/cuda/noise.cu compiles: $(stat -c %s "$object") bytes."
