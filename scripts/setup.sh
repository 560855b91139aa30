#!/usr/bin/env bash
# Sets up everything that ardiff needs, inside this folder but for Deno's cache of npm packages:
#   1. Deno of the pinned version: an installed one, else from npm into .tools (see scripts/deno)
#   2. the native library and, where python3 has none, libtorch (see scripts/build_native.sh)
#   3. the npm packages of deno.json
# Done again, it checks and ends in a second or two.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "$*" >&2; }
fail() { say "$*"; exit 1; }

deno=.tools/bin/deno
version=$(sed -n 's/.*"deno": "\([0-9.]*\)".*/\1/p' scripts/deno/package.json)
is_pinned_deno() { "$1" --version 2>/dev/null | grep -q "^deno $version "; }

install_deno() {
  command -v npm >/dev/null 2>&1 ||
    fail "Cannot find npm: install the package \"npm\" and run this again, or put Deno $version on the PATH."
  mkdir -p .tools/bin
  cp scripts/deno/package.json .tools/
  # The lock file knows the one platform that is tested; elsewhere npm chooses by itself.
  rm -f .tools/package-lock.json
  if [ "$(uname -sm)" = "Linux x86_64" ]; then cp scripts/deno/package-lock.json .tools/; fi
  # In the folder rather than with --prefix, which would also move npm's global configuration there.
  (cd .tools && npm install --ignore-scripts --no-audit --no-fund --fetch-retries 1 \
    --fetch-retry-mintimeout 1000 --fetch-retry-maxtimeout 5000 >npm.log 2>&1) ||
    fail "Cannot fetch Deno $version (npm package \"deno\"; see .tools/npm.log): without network, put the executable at $PWD/$deno."
  ln -sfn "../$(cd .tools && echo node_modules/@deno/*/deno)" "$deno"
  is_pinned_deno "$deno" || fail "Deno from npm does not run here ($PWD/$deno): put a Deno $version for this machine there."
}

if [ -f build/native/configured ]; then
  say "Setting up ardiff: checking what is there, a few seconds."
else
  say "Setting up ardiff: 2 to 5 minutes the first time, most of it to fetch libtorch and compile."
fi

if is_pinned_deno "$deno"; then
  say "[1/3] Deno $version: there"
elif command -v deno >/dev/null 2>&1 && is_pinned_deno deno; then
  mkdir -p .tools/bin
  ln -sfn "$(command -v deno)" "$deno"
  say "[1/3] Deno $version: $(command -v deno)"
else
  say "[1/3] Deno $version: fetching it with npm, about 45 MB ..."
  install_deno
fi

say "[2/3] Native library"
scripts/build_native.sh >/dev/null

say "[3/3] npm packages"
"$deno" install --frozen --quiet >build/npm.log 2>&1 || {
  cat build/npm.log >&2
  fail "Cannot fetch the npm packages that deno.json names: without network, set DENO_DIR to a copy of the folder that \"deno info\" shows on a machine where this has run."
}
say "Ready after $SECONDS s: $PWD/bin/ardiff --help"
