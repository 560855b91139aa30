#!/usr/bin/env bash
# Checks the native library for ARM on a machine that is none: compiles every source for aarch64, and
# runs the kernels of its two instruction sets in an emulator against plain loops. Some minutes.
#
# It takes a cross compiler and an emulator of user programs; on Debian and Ubuntu:
#   apt-get install g++-aarch64-linux-gnu qemu-user
#
#   --kernels   only the kernels, a minute
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "$*" >&2; }
compiler=${ARM_CXX:-aarch64-linux-gnu-g++}
emulator=${ARM_RUN:-qemu-aarch64}
for name in "$compiler" "$emulator"; do
  command -v "$name" >/dev/null 2>&1 || {
    say "Cannot find \"$name\": install the packages \"g++-aarch64-linux-gnu\" and \"qemu-user\" and run this again."
    exit 1
  }
done

build=build/arm
mkdir -p "$build"
flags=(-std=c++20 -Inative/include -Inative/src -Wall -Wextra -Wno-psabi -Wno-unused-parameter
  -Wno-maybe-uninitialized)
for isa in baseline neon; do
  definitions=("-DARDIFF_ISA=$isa")
  [ "$isa" = baseline ] || definitions+=(-DARDIFF_NEON=1)
  say "Compiling the kernels for $isa ..."
  "$compiler" -static -O3 -fno-math-errno -fno-trapping-math -ffp-contract=fast "${flags[@]}" "${definitions[@]}" \
    native/src/cpu/kernels/table.cpp native/tests/cross/kernels_check.cpp -o "$build/kernels_$isa"
  "$emulator" "$build/kernels_$isa" || exit 1
done
[ "${1:-}" != --kernels ] || exit 0

torch=$(readlink -f build/native/libtorch)/../include
[ -d "$torch/ATen" ] || { say "Cannot find libtorch's headers: run scripts/build_native.sh first."; exit 1; }
export compiler torch
compile() {
  "$compiler" -std=c++20 -fsyntax-only -Inative/src -Inative/include -DARDIFF_ARM=1 -DUSE_C10D_GLOO \
    -isystem native/src/group/gloo -isystem "$torch" -isystem "$torch/torch/csrc/api/include" "$1"
}
export -f compile
mapfile -t sources < <(find native/src -name '*.cpp' -not -path '*/cuda/*' -not -name table.cpp | sort)
say "Compiling ${#sources[@]} sources ..."
printf '%s\0' "${sources[@]}" |
  xargs -0 -n 1 -P "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)" bash -c 'compile "$0"'
say "${#sources[@]} sources compile for aarch64."
