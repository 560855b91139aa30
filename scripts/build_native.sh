#!/usr/bin/env bash
# Builds the native library, build/native/libardiff.so, against libtorch, and prints where it is.
#
# libtorch 2.11 to 2.13 is taken, in this order, from
#   1. $LIBTORCH: an unpacked libtorch, or any folder with its CMake files
#   2. the torch that python3 imports
#   3. .venv, a virtual environment of this project, into which the pinned torch is installed if need
#      be: the CPU build where there is no NVIDIA GPU, the CUDA one where there is
#      ($ARDIFF_TORCH_INDEX: an extra package index that carries the CPU build)
# CMake and Ninja are installed into .venv too where the machine has none. $CXX names a compiler.
#
#   --portable  without CPU kernels, over libtorch alone, in build/portable
#   --sanitize  with the address and undefined-behaviour sanitizers and abi_test, in build/sanitize
#   -h, --help  this text
set -euo pipefail
script=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
cd "$(dirname "$script")/.."

TORCH_VERSION=2.13.0
TORCH_OLDEST=2.11
TORCH_NEWEST=2.13
CMAKE_VERSION=4.2.1
CMAKE_OLDEST=3.20
NINJA_VERSION=1.13.0

build=build/native
kernels=ON
sanitize=OFF
for option in "$@"; do
  case "$option" in
    --portable) build=build/portable kernels=OFF ;;
    --sanitize) build=build/sanitize sanitize=ON ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$script"; exit 0 ;;
    *) echo "Unknown option \"$option\": see scripts/build_native.sh --help" >&2; exit 2 ;;
  esac
done

say() { echo "$*" >&2; }
fail() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
older() { # whether version $1 is before version $2
  [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# ---------------------------------------------------------------------------------- compiler -----
compiler=${CXX:-}
if [ -n "$compiler" ]; then
  has "${compiler%% *}" || fail "Cannot find the C++ compiler \"$compiler\" named by CXX: install it or unset CXX."
else
  for name in c++ g++ clang++; do
    if has "$name"; then compiler=$name; break; fi
  done
  [ -n "$compiler" ] ||
    fail "Cannot find a C++ compiler: install the package \"g++\" (Fedora: \"gcc-c++\") and run this again."
fi

check_compiler() {
  local flags=(-std=c++20)
  case "$(uname -m)" in x86_64) flags+=(-march=x86-64-v4 -mavx512bf16 -mamx-tile -mamx-bf16) ;; esac
  # shellcheck disable=SC2086 # CXX may hold options
  echo '#include <span>' | $compiler "${flags[@]}" -x c++ -fsyntax-only - 2>"$build/configure.log" ||
    fail "The C++ compiler \"$compiler\" cannot build the shim: install the package \"g++\", version 11 or later, or name one in CXX."
}

# ---------------------------------------------------------------------------------- .venv --------
# Installs Python packages into .venv; what pip says goes to build/pip.log.
install() {
  has python3 || return 1
  mkdir -p build
  if ! .venv/bin/python -I -m pip --version >/dev/null 2>&1; then
    python3 -I -m venv --clear .venv >build/pip.log 2>&1 ||
      fail "Cannot make a virtual environment: install the package \"python3-venv\" and run this again."
  fi
  .venv/bin/python -I -m pip install --quiet --disable-pip-version-check --retries 1 "$@" >build/pip.log 2>&1
}

# A build tool: of the machine, of .venv, or installed there now.
find_tool() { # command, requirement of pip, what it is
  if [ ! -x ".venv/bin/$1" ]; then
    say "Installing $3 into .venv, a few seconds ..."
    install "$2" || fail "Cannot find $3, nor install it with pip: install the package \"$4\" and run this again."
  fi
  echo "$PWD/.venv/bin/$1"
}

cmake=$(command -v cmake || true)
if [ -z "$cmake" ] || older "$("$cmake" --version | sed -n 's/^cmake version //p')" "$CMAKE_OLDEST"; then
  cmake=$(find_tool cmake "cmake==$CMAKE_VERSION" "CMake" cmake)
fi
if has ninja; then
  generator=(-G Ninja)
elif has make; then
  generator=(-G "Unix Makefiles")
else
  ninja=$(find_tool ninja "ninja==$NINJA_VERSION" "Ninja" ninja-build)
  generator=(-G Ninja "-DCMAKE_MAKE_PROGRAM=$ninja")
fi

# ---------------------------------------------------------------------------------- libtorch -----
# The folder that holds TorchConfig.cmake below a given one, or nothing.
torch_config_below() {
  local candidate
  for candidate in "$1" "$1/share/cmake/Torch" "$1/share/cmake" "$1/Torch" "$1/torch/share/cmake/Torch" \
    "$1/lib/cmake/Torch" "$1/cmake/Torch"; do
    if [ -f "$candidate/TorchConfig.cmake" ]; then (cd "$candidate" && pwd); return; fi
  done
}

# The same for the torch of a Python, found without importing it, which would take a second.
torch_of_python() {
  local folder
  # Isolated, or Python would import modules of the working directory.
  folder=$("$1" -I -c 'import importlib.util as u, os, site, sys
sys.path.append(site.getusersitepackages())
spec = u.find_spec("torch")
print(os.path.dirname(spec.origin) if spec and spec.origin else "")' 2>/dev/null) || return 0
  [ -z "$folder" ] || torch_config_below "$folder"
}

torch_version() {
  sed -n 's/^set(PACKAGE_VERSION "\([0-9.]*\).*/\1/p' "$1/TorchConfigVersion.cmake" 2>/dev/null || true
}

fits() { # whether the torch in a folder is of a version that is known to work
  local version
  version=$(torch_version "$1")
  ! older "$version" "$TORCH_OLDEST" && ! older "$TORCH_NEWEST.999" "$version"
}

has_gpu() { has nvidia-smi && nvidia-smi -L 2>/dev/null | grep -q GPU; }

torch_unavailable() {
  fail "Cannot fetch torch $TORCH_VERSION ($(tail -n 1 build/pip.log)): without network, unpack libtorch $TORCH_OLDEST to $TORCH_NEWEST anywhere and set LIBTORCH to its folder."
}

install_torch() {
  has python3 ||
    fail "Cannot find Python 3: install the package \"python3\", or set LIBTORCH to an unpacked libtorch, and run this again."
  if [ "$(uname -s)" = Darwin ]; then
    # There is one build for macOS, for the CPU and Apple's GPUs, on the package index itself.
    [ "$(uname -m)" = arm64 ] ||
      fail "Cannot fetch torch $TORCH_VERSION: there is none for Intel Macs; set LIBTORCH to a libtorch $TORCH_OLDEST to $TORCH_NEWEST that you built."
    say "Installing torch $TORCH_VERSION (about 80 MB) into .venv, a minute or so ..."
    install "torch==$TORCH_VERSION" || torch_unavailable
    return
  fi
  if ! has_gpu; then
    say "Installing torch $TORCH_VERSION (CPU build, about 200 MB) into .venv, a minute or so ..."
    install ${ARDIFF_TORCH_INDEX:+--extra-index-url "$ARDIFF_TORCH_INDEX"} "torch==$TORCH_VERSION+cpu" && return
    grep -q "connection broken" build/pip.log && torch_unavailable
    say "The package index has no CPU build (ARDIFF_TORCH_INDEX may name one that has)."
  fi
  say "Installing torch $TORCH_VERSION (CUDA build, about 3 GB) into .venv, several minutes ..."
  install "torch==$TORCH_VERSION" || torch_unavailable
}

torch=
if [ -n "${LIBTORCH:-}" ]; then
  torch=$(torch_config_below "$LIBTORCH")
  [ -n "$torch" ] ||
    fail "Cannot use LIBTORCH \"$LIBTORCH\": no TorchConfig.cmake lies below it; give the folder of an unpacked libtorch."
  fits "$torch" ||
    say "LIBTORCH is of version \"$(torch_version "$torch")\", but $TORCH_OLDEST to $TORCH_NEWEST are known to work: trying it."
else
  if has python3; then torch=$(torch_of_python python3); fi
  if [ -n "$torch" ] && ! fits "$torch"; then
    say "The torch of python3 is of version \"$(torch_version "$torch")\", not $TORCH_OLDEST to $TORCH_NEWEST: looking in .venv."
    torch=
  fi
  if [ -z "$torch" ]; then
    torch=$(torch_of_python .venv/bin/python)
    if [ -z "$torch" ] || ! fits "$torch"; then
      install_torch
      torch=$(torch_of_python .venv/bin/python)
      [ -n "$torch" ] || fail "The torch in .venv has no CMake files: remove .venv, or set LIBTORCH to an unpacked libtorch."
    fi
  fi
fi
libtorch=$(cd "$torch/../../.." && pwd)

# ---------------------------------------------------------------------------------- build --------
mkdir -p "$build"
if has flock; then
  exec 9>"$build.lock"
  flock 9 # a second build waits for the first
fi

# Anew when something changed that CMake does not notice by itself.
stamp="$PWD $torch $(torch_version "$torch") $cmake ${generator[*]} $compiler"
if [ "$(cat "$build/configured" 2>/dev/null)" != "$stamp" ]; then
  rm -rf "$build"
  mkdir -p "$build"
  check_compiler
  say "Compiling the native library, a minute or two on two cores ..."
  CXX=$compiler "$cmake" -S native -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release \
    -DTorch_DIR="$torch" -DARDIFF_CPU_KERNELS="$kernels" -DARDIFF_SANITIZE="$sanitize" >"$build/configure.log" 2>&1 ||
    { tail -n 20 "$build/configure.log" >&2; fail "CMake could not configure the shim: see $build/configure.log."; }
  echo "$stamp" >"$build/configured"
fi
"$cmake" --build "$build" --parallel "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)" >"$build/build.log" 2>&1 ||
  { grep -iE -m 20 "error|killed" "$build/build.log" >&2 || true; fail "The shim did not compile: see $build/build.log."; }

# Where the program finds libtorch: a link beside the shim, so that permissions can name it.
if [ -f "$libtorch/lib/libtorch_cpu.so" ] || [ -f "$libtorch/lib/libtorch_cpu.dylib" ]; then
  ln -sfn "$libtorch/lib" "$build/libtorch"
fi
say "libtorch: $libtorch"
echo "$PWD/$build/libardiff.so"
