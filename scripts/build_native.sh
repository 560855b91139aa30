#!/usr/bin/env bash
# Builds the native shim (build/native/libardiff.so) against libtorch, and says where it is.
#
# libtorch is, in this order:
#   1. $LIBTORCH: an unpacked libtorch, or any folder that holds its CMake files
#   2. the torch that python3 imports
#   3. torch in .venv, a virtual environment of this project, into which the pinned version is
#      installed if need be: the CPU build where there is no NVIDIA GPU, the CUDA one where there is
#      ($ARDIFF_TORCH_INDEX may name an extra package index that carries the CPU build)
#
# Options: --sanitize builds with the address and undefined-behaviour sanitizers in build/sanitize.
set -euo pipefail
cd "$(dirname "$0")/.."

TORCH_VERSION=2.13.0
build=build/native
sanitize=OFF
for option in "$@"; do
  case "$option" in
    --sanitize) build=build/sanitize sanitize=ON ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "Unknown option \"$option\": see scripts/build_native.sh --help" >&2; exit 2 ;;
  esac
done

say() { echo "$*" >&2; }
fail() { say "$*"; exit 1; }

need() { # command, what it is, package
  command -v "$1" >/dev/null 2>&1 || fail "Cannot find $2: install the package \"$3\" and run this again."
}
need cmake "CMake" cmake
if [ -n "${CXX:-}" ]; then
  command -v "${CXX%% *}" >/dev/null 2>&1 || fail "Cannot find the C++ compiler \"$CXX\" named by CXX: install it or unset CXX."
else
  command -v c++ >/dev/null 2>&1 || command -v g++ >/dev/null 2>&1 || command -v clang++ >/dev/null 2>&1 ||
    fail "Cannot find a C++ compiler: install the package \"g++\" (Fedora: gcc-c++) and run this again."
fi

# The folder that holds TorchConfig.cmake below a given one, or nothing.
torch_config_below() {
  local candidate
  for candidate in "$1" "$1/share/cmake/Torch" "$1/share/cmake" "$1/Torch" "$1/torch/share/cmake/Torch" \
    "$1/lib/cmake/Torch"; do
    if [ -f "$candidate/TorchConfig.cmake" ]; then echo "$candidate"; return; fi
    if [ -f "$candidate/Torch/TorchConfig.cmake" ]; then echo "$candidate/Torch"; return; fi
  done
}
torch_of_python() { # interpreter; looks without importing torch, which takes a second
  "$1" - <<'PY' 2>/dev/null || true
import importlib.util, os
spec = importlib.util.find_spec("torch")
if spec and spec.origin:
    path = os.path.join(os.path.dirname(spec.origin), "share", "cmake", "Torch")
    if os.path.exists(os.path.join(path, "TorchConfig.cmake")):
        print(path)
PY
}
install_torch() {
  need python3 "Python 3" python3
  if [ ! -x .venv/bin/python ]; then
    python3 -m venv .venv >&2 ||
      fail "Cannot make a virtual environment: install the package \"python3-venv\" and run this again."
  fi
  local pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check)
  if ! command -v nvidia-smi >/dev/null 2>&1 || ! nvidia-smi -L 2>/dev/null | grep -q GPU; then
    # Without a GPU the CPU build does, a tenth of the size; not every package index carries it.
    say "Installing torch $TORCH_VERSION (CPU build) into .venv; this takes a minute or more ..."
    "${pip[@]}" ${ARDIFF_TORCH_INDEX:+--extra-index-url "$ARDIFF_TORCH_INDEX"} \
      "torch==$TORCH_VERSION+cpu" >&2 2>/dev/null && return
    say "The package index offers no CPU build (ARDIFF_TORCH_INDEX may name one that does): taking the default one."
  else
    say "Installing torch $TORCH_VERSION (CUDA build, about 3 GB) into .venv ..."
  fi
  "${pip[@]}" "torch==$TORCH_VERSION" >&2 ||
    fail "Cannot install torch $TORCH_VERSION: without network, unpack libtorch 2.11 to 2.13 and set LIBTORCH to its folder."
}

torch_dir=
if [ -n "${LIBTORCH:-}" ]; then
  torch_dir=$(torch_config_below "$LIBTORCH")
  [ -n "$torch_dir" ] || fail "LIBTORCH is \"$LIBTORCH\", but no TorchConfig.cmake is below it: give an unpacked libtorch."
fi
if [ -z "$torch_dir" ] && command -v python3 >/dev/null 2>&1; then torch_dir=$(torch_of_python python3); fi
if [ -z "$torch_dir" ]; then
  [ -x .venv/bin/python ] && torch_dir=$(torch_of_python .venv/bin/python)
  if [ -z "$torch_dir" ]; then
    install_torch
    torch_dir=$(torch_of_python .venv/bin/python)
    [ -n "$torch_dir" ] || fail "The installed torch has no CMake files: set LIBTORCH to an unpacked libtorch."
  fi
fi
libtorch=$(cd "$torch_dir/../../.." && pwd)

# Configure when something it depends on changed; CMake itself notices changed sources.
stamp="$torch_dir $sanitize ${CXX:-}"
if [ ! -f "$build/configured" ] || [ "$(cat "$build/configured")" != "$stamp" ]; then
  rm -rf "$build"
  mkdir -p "$build"
  generator=()
  command -v ninja >/dev/null 2>&1 && generator=(-G Ninja)
  cmake -S native -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DTorch_DIR="$torch_dir" \
    -DARDIFF_SANITIZE="$sanitize" >"$build/configure.log" 2>&1 ||
    { tail -20 "$build/configure.log" >&2; fail "CMake could not configure the shim: see $build/configure.log."; }
  echo "$stamp" >"$build/configured"
fi
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
cmake --build "$build" -j "$jobs" >"$build/build.log" 2>&1 ||
  { grep -E "error|Error" "$build/build.log" | head -20 >&2; fail "The shim did not compile: see $build/build.log."; }

# Where the program looks for libtorch when nothing else is said.
echo "$libtorch" >"$build/libtorch.txt"
say "libtorch: $libtorch"
echo "$PWD/$build/libardiff.so"
