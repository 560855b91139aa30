#!/usr/bin/env bash
# Sets up what is missing and runs all tests. The last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
scripts/build_native.sh --sanitize >/dev/null && echo "Sanitizer build: ready." >&2
log=build/test.log
status=0
NO_COLOR=1 .tools/bin/deno task --quiet test </dev/null 2>&1 | tee "$log" || status=$?

# Deno closes with "ok | 12 passed (3 steps) | 0 failed | 1 ignored (4s)", or FAILED in place of ok.
summary=$(grep -E '^(ok|FAILED) \| [0-9]+ passed' "$log" | tail -n 1 || true)
count() { sed -nE "s/.*[| ]([0-9]+) $1.*/\1/p" <<<"$summary"; }
passed=$(count passed)
failed=$(count failed)
if [ -z "$summary" ]; then
  echo "The tests did not run to their end: see $log." >&2
  passed=0 failed=1 status=1
fi
echo "$passed passed, $failed failed"
exit "$status"
