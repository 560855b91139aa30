#!/usr/bin/env bash
# Sets everything up, lets the models that come with the project write a few sentences, and says what
# to try next.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh

# Shows a command and its output, where the model is there.
show() { # model, options, lines
  local model=$1 options=$2 line
  shift 2
  [ -d "$model" ] || return 0
  echo
  printf "$ printf '%%s\\\\n'"
  for line in "$@"; do printf ' "%s"' "$line"; done
  echo " | ardiff generate --model $model $options"
  # shellcheck disable=SC2086 # options are several words
  printf '%s\n' "$@" | bin/ardiff generate --model "$model" $options
}

concepts=("dog frisbee catch" "kitchen cook food" "field stand look")
show models/commongen-small "--candidates 10" "${concepts[@]}"
show models/tatoeba-en-fr-small "--candidates 10" "I am hungry." "Where is the station?" "She reads a lot."

cat <<TEXT

ardiff is there, from any folder, once its folder is on the PATH:
  export PATH="$PWD/bin:\$PATH"

To try next:
  ardiff doctor                 what runs here, and on what
  ardiff generate --help        samplers, candidates, traces
  ardiff golden tests/golden/ar_txl    this build against recorded reference values
  $PWD/scripts/test.sh          all tests
A model of your own, in this folder:
  .tools/bin/deno task data     the training data
  ardiff train configs/tatoeba-en-fr-small.toml --max-minutes 60
TEXT
