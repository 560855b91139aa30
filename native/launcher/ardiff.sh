#!/bin/sh
# Starts the program of a package with the permissions of deno.json's set "ardiff" and no others: FFI
# is for the native library and for the loader, which loads libtorch alone. A native library of one's
# own, named by ARDIFF_NATIVE, is granted here.
self=$0
[ ! -L "$self" ] || self=$(readlink -f -- "$self")
case $self in
  */*) root=${self%/*} ;;
  *) root=. ;;
esac

# Deno takes a standard output that is closed, or open for reading only, for one that swallows all.
lost() {
  echo "Error: Cannot write to standard output: $1" >&2
  exit 7
}
if [ -d /proc/self/fdinfo ]; then
  [ -e /proc/self/fdinfo/1 ] || lost "it is closed"
  while read -r key value; do
    case $key$value in flags:*0) lost "it is open for reading only" ;; esac
  done </proc/self/fdinfo/1
fi

# The program may not list variables; of these it tells which are misspelt.
names=
while read -r _ name; do
  case $name in ARDIFF_*) names="$names ${name%%=*}" ;; esac
done <<VARIABLES
$(export -p)
VARIABLES
export ARDIFF_EXPORTED="${names# }"

# Deno keeps compiled code in DENO_DIR: the next start is faster for it.
export ARDIFF_EXECUTABLE="${ARDIFF_EXECUTABLE:-$self}" DENO_DIR="$root/cache" \
  DENO_NO_UPDATE_CHECK=1 DENO_NO_PACKAGE_JSON=1
exec "$root/bin/deno" run --quiet --no-prompt --no-lock --no-remote --no-npm \
  --config "$root/deno.json" -P=ardiff \
  ${ARDIFF_NATIVE:+--allow-ffi="$root/build/native,$root/build/loader,$ARDIFF_NATIVE"} \
  "$root/src/bundle/main.js" "$@"
