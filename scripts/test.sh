#!/usr/bin/env bash
# Sets up what is missing and runs every check: format, lint, types, the native sources against the
# oldest torch, tests. The last line is "N passed, N failed", and the exit code is 0 where nothing failed.
#
# Option: --sanitize builds the shim with the address and undefined-behaviour sanitizers first (some
# minutes), and the tests then drive every entry point of that build.
set -euo pipefail
cd "$(dirname "$0")/.."

deno=.tools/bin/deno
log=build/test.log
passed=0
failed=0
export NO_COLOR=1

finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
  exit
}

check() { # what it is, command
  local what=$1
  shift
  echo "$what ..." >&2
  if "$@" </dev/null >&2; then
    passed=$((passed + 1))
  else
    echo "FAILED: $what" >&2
    failed=$((failed + 1))
  fi
}

run_tests() {
  local summary status=0
  echo "Tests ..." >&2
  "$deno" task --quiet test </dev/null 2>&1 | tee "$log" >&2 || status=$?
  # Deno closes with "ok | 12 passed (3 steps) | 0 failed | 1 ignored (4s)", or FAILED in place of ok.
  summary=$(grep -E '^(ok|FAILED) \| [0-9]+ passed' "$log" | tail -n 1 || true)
  count() { sed -nE "s/.*\| ([0-9]+) $1.*/\1/p" <<<"$summary"; }
  if [ -z "$summary" ]; then
    echo "FAILED: the tests did not run to their end, see $log" >&2
    failed=$((failed + 1))
    return
  fi
  passed=$((passed + $(count passed)))
  failed=$((failed + $(count failed)))
  if [ "$status" -ne 0 ] && [ "$(count failed)" -eq 0 ]; then
    echo "FAILED: deno test ended with code $status, see $log" >&2
    failed=$((failed + 1))
  fi
}

check "Set-up" scripts/setup.sh
[ "$failed" -eq 0 ] || finish
[ "${1:-}" != --sanitize ] || check "Sanitizer build" scripts/build_native.sh --sanitize
check "Format" "$deno" fmt --quiet --check
check "Lint" "$deno" lint --quiet
check "Types" "$deno" check --quiet --frozen
check "Native format" scripts/check_native_format.sh
check "torch 2.11" scripts/check_torch_2_11.sh
run_tests
finish
