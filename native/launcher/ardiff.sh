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

# Deno keeps compiled code in DENO_DIR: the next start is faster for it.
export ARDIFF_EXECUTABLE="${ARDIFF_EXECUTABLE:-$self}" DENO_DIR="$root/cache" \
  DENO_NO_UPDATE_CHECK=1 DENO_NO_PACKAGE_JSON=1
exec "$root/bin/deno" run --quiet --no-prompt --no-lock --no-remote --no-npm \
  --config "$root/deno.json" -P=ardiff \
  ${ARDIFF_NATIVE:+--allow-ffi="$root/build/native,$root/build/loader,$ARDIFF_NATIVE"} \
  "$root/src/bundle/main.js" "$@"
