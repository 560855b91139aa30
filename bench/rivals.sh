#!/usr/bin/env bash
# Runs a program of bench/ in the rivals' own Python environment, which it makes in .cache/rivals the
# first time: the packages of bench/requirements.txt, and the project's torch.
#
#   bench/rivals.sh bench/twin.py train --config configs/tatoeba-en-fr-small.toml ...
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
environment=$root/.cache/rivals
say() { echo "$*" >&2; }
fail() { say "$*"; exit 1; }

if ! cmp -s "$root/bench/requirements.txt" "$environment/installed.txt"; then
  base=$root/.venv/bin/python
  [ -x "$base" ] || base=python3
  torch=$("$base" -c 'import pathlib, torch; print(pathlib.Path(torch.__file__).parent.parent)' 2>/dev/null) ||
    fail "Cannot find torch in $base: run scripts/setup.sh, or install torch for python3."
  say "Making the rivals' Python environment in .cache/rivals, about 50 MB ..."
  rm -rf "$environment"
  "$base" -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check \
    --requirement "$root/bench/requirements.txt" >&2 ||
    fail "Cannot install the packages of bench/requirements.txt with pip."
  site=$("$environment/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  echo "$torch" >"$site/torch.pth"
  cp "$root/bench/requirements.txt" "$environment/installed.txt"
fi
exec "$environment/bin/python" "$@"
