#!/usr/bin/env bash
# Makes the program one executable file, dist/ardiff: the program, Deno and the native library. It
# looks for libtorch where it runs (docs/binary.md).
#
#   --include-models  with the models of models/, which --model then takes by name
#   --output FILE     the file to write (default: dist/ardiff)
#   --launcher        by way of the launcher, without asking "deno compile"
#   -h, --help        this text
#
# "deno compile" does it where its runtime can be had: $DENORT_BIN, Deno's cache or a download. Else
# the launcher in native/launcher carries the same files and unpacks them at its first start.
set -euo pipefail
shopt -s nullglob
script=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
from=$PWD
cd "$(dirname "$script")/.."

say() { echo "$*" >&2; }
fail() { say "$*"; exit 1; }

output=$PWD/dist/ardiff
models=()
launcher=false
while [ $# -gt 0 ]; do
  case "$1" in
    --include-models) models=(models/*/) ;;
    --output) [ $# -gt 1 ] || fail "Option --output needs a file."
      shift
      case "$1" in /*) output=$1 ;; *) output=$from/$1 ;; esac ;;
    --launcher) launcher=true ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$script"; exit 0 ;;
    *) say "Unknown option \"$1\": see scripts/compile.sh --help"; exit 2 ;;
  esac
  shift
done

mkdir -p build "$(dirname "$output")"
work=$(mktemp -d "$PWD/build/compile-XXXXXX")
trap 'rm -rf "$work"' EXIT

# Puts the finished file into its place at once: one that runs is not disturbed.
finish() { # file, how it was made
  chmod 755 "$1"
  cp "$1" "$output.part"
  mv "$output.part" "$output"
  say "$(($(wc -c <"$output") / 1000000)) MB, $2. To try it: $output doctor"
  echo "$output"
}

# ------------------------------------------------------------------------------ package ----------
package=$work/package
scripts/stage_package.sh "$package" "${models[@]}"
[ -f build/native/libardiff.so ] || scripts/build_native.sh >/dev/null
mkdir "$package/build/native"
for library in libardiff.so libardiff_group.so; do
  # A libtorch without c10d has no library of groups.
  [ -f "build/native/$library" ] || continue
  shim=$package/build/native/$library
  install -m 755 "build/native/$library" "$shim"
  strip --strip-unneeded "$shim"
  # Where this machine has its libtorch means nothing elsewhere.
  echo "file(RPATH_REMOVE FILE \"$shim\")" >"$work/rpath.cmake"
  "$(command -v cmake || echo .venv/bin/cmake)" -P "$work/rpath.cmake" >/dev/null
done

# ------------------------------------------------------------------------------ deno compile -----
# Its permissions cannot name files whose place is known at run time only, so FFI is granted in full.
compile() (
  cd "$package"
  include=(--include src/bundle --include build/native --include configs --include docs)
  [ ! -d models ] || include+=(--include models)
  bin/deno compile --quiet --no-prompt --no-lock --no-check --exclude-unused-npm -P=ardiff --allow-ffi \
    "${include[@]}" --output "$work/ardiff" src/bundle/main.js >"$work/compile.log" 2>&1 &&
    "$work/ardiff" doctor --help >/dev/null 2>&1
)

if ! $launcher; then
  if compile; then
    finish "$work/ardiff" "made by deno compile"
    exit
  fi
  address=$(sed -n 's/.*error sending request for url (\([^)]*\)).*/\1/p' "$work/compile.log" | head -n 1)
  reason=${address:+cannot fetch $address}
  say "deno compile does not work here (${reason:-what it makes does not run}): taking the launcher."
fi

# ------------------------------------------------------------------------------ launcher ---------
# The package as data of the executable: the table of files that launcher.c reads.
list_files() { (cd "$package" && find . -type f | LC_ALL=C sort | cut -c 3-); }
package_id=$(list_files | (cd "$package" && tr '\n' '\0' | xargs -0 sha256sum) | sha256sum | cut -c 1-16)
{
  echo '.section .data.rel.ro, "aw"'
  echo '.globl package'
  echo 'package:'
  list_files | while IFS= read -r file; do
    executable=0
    [ ! -x "$package/$file" ] || executable=1
    cat <<ASSEMBLY
.section .rodata
1: .asciz "$file"
2: .incbin "$package/$file"
3:
.section .data.rel.ro
.quad 1b, 2b, 3b - 2b, $executable
ASSEMBLY
  done
  echo '.quad 0, 0, 0, 0'
  echo '.section .note.GNU-stack, "", %progbits'
} >"$work/package.S"

link() {
  "${CC:-cc}" -O2 -std=c11 -Wall -Wextra -DPACKAGE_ID="\"$package_id\"" "$@" \
    native/launcher/launcher.c "$work/package.S" -o "$work/ardiff"
}
# A static one does not depend on the C library of the machine it was made on.
link -static -no-pie 2>"$work/link.log" || link || fail "The launcher did not compile."
finish "$work/ardiff" "made with the launcher"
