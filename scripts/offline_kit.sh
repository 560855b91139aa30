#!/usr/bin/env bash
# Packs what a machine without network needs: one archive with the program, Deno, the sources of the
# native library, the script that builds it against the torch of that machine, and as many models of
# models/ as fit.
#
#   --output FILE  the archive (default: dist/ardiff-kit.tar.xz)
#   --rehearse     pack nothing: unpack the archive in an empty folder, build and generate there, cut
#                  off from any network, against $LIBTORCH or the torch of build/native
#   -h, --help     this text
set -euo pipefail
shopt -s nullglob
script=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
from=$PWD
cd "$(dirname "$script")/.."

LIMIT=45000000 # bytes, so that it can be mailed or checked in

say() { echo "$*" >&2; }
fail() { say "$*"; exit 1; }

output=$PWD/dist/ardiff-kit.tar.xz
rehearse=false
while [ $# -gt 0 ]; do
  case "$1" in
    --output) [ $# -gt 1 ] || fail "Option --output needs a file."
      shift
      case "$1" in /*) output=$1 ;; *) output=$from/$1 ;; esac ;;
    --rehearse) rehearse=true ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$script"; exit 0 ;;
    *) say "Unknown option \"$1\": see scripts/offline_kit.sh --help"; exit 2 ;;
  esac
  shift
done

work=$(mktemp -d "${TMPDIR:-/tmp}/ardiff-kit-XXXXXX")
trap 'rm -rf "$work"' EXIT

# ------------------------------------------------------------------------------ rehearsal --------
if $rehearse; then
  [ -f "$output" ] || fail "Cannot find the archive \"$output\": run scripts/offline_kit.sh first."
  libtorch=${LIBTORCH:-$(dirname "$(readlink -f build/native/libtorch)")}
  # Where a network of one's own is not permitted, proxies that nobody listens at stand in for none.
  away=(env http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9)
  if unshare -rn true 2>/dev/null; then away=(unshare -rn); fi
  say "Without network (${away[0]}), in $work:"
  "${away[@]}" env -i HOME="$work" PATH="$PATH" LIBTORCH="$libtorch" bash -euc '
    cd "$HOME"
    TIMEFORMAT="%0R s"
    time tar -xf "$1"
    cd ardiff-kit
    time scripts/build_native.sh
    ./ardiff doctor
    shopt -s nullglob
    for model in models/*; do
      echo "\$ echo \"a dog\" | ./ardiff generate --model ${model#models/}"
      time echo "a dog" | ./ardiff generate --model "${model#models/}"
    done' bash "$output"
  exit
fi

# ------------------------------------------------------------------------------ packing ----------
kit=$work/ardiff-kit
scripts/stage_package.sh "$kit" models/*/
mkdir -p "$kit/native" "$kit/scripts" "$kit/models"
cp -R native/CMakeLists.txt native/include native/src "$kit/native/"
cp scripts/build_native.sh "$kit/scripts/"
cp LICENSE "$kit/"
cat >"$kit/README" <<'README'
ardiff for a machine without network
====================================

Needed here: Linux on the processor this was packed for, a C++ compiler (g++ 11 or later), CMake 3.20
or later, Ninja or make, and torch 2.11 to 2.13: one that python3 imports, or an unpacked libtorch
whose folder LIBTORCH names.

1. Build the native library, a minute or two:

       scripts/build_native.sh

2. Generate:

       ls models
       echo "dog frisbee catch" | ./ardiff generate --model NAME

./ardiff doctor says what runs here, and on what; ./ardiff --help the rest. A link to ./ardiff may lie
anywhere.
README

# The filter for machine code makes Deno, which is most of it, smaller by a twentieth.
case "$(uname -m)" in
  x86_64) filter=(--x86) ;;
  aarch64) filter=(--arm64) ;;
  *) filter=() ;;
esac
pack() {
  tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner -cf - ardiff-kit |
    xz "${filter[@]}" --lzma2=preset=9e >"$output.part"
}

mkdir -p "$(dirname "$output")"
say "Packing, about two minutes ..."
pack
while [ "$(wc -c <"$output.part")" -gt $LIMIT ]; do
  largest=$(find "$kit/models" -mindepth 1 -maxdepth 1 -exec du -s {} + | sort -rn | head -n 1 | cut -f 2)
  [ -n "$largest" ] || fail "The archive is larger than $LIMIT bytes even without models."
  say "Over $LIMIT bytes: leaving out the model \"$(basename "$largest")\" ..."
  rm -r "$largest"
  pack
done
mv "$output.part" "$output"
say "$(($(wc -c <"$output") / 1000000)) MB, models: $(ls "$kit/models" | paste -s -d ' '). To try it: scripts/offline_kit.sh --rehearse"
echo "$output"
