#!/usr/bin/env bash
# Sets everything up and lets the model that comes with the project write a few sentences.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
model=models/commongen-preview
command="deno task ardiff generate --model $model --candidates 10"
concepts=$'dog frisbee catch\nkitchen cook food\nfield stand look'

echo
echo "$ printf '%s\\n' 'dog frisbee catch' 'kitchen cook food' 'field stand look' | $command"
.tools/bin/deno task --quiet ardiff generate --model "$model" --candidates 10 <<<"$concepts"
cat <<TEXT

That model is an early checkpoint ($model/README.md says how early). To try next:
  export PATH="$PWD/.tools/bin:\$PATH"
  deno task ardiff doctor                            what runs here, and on what
  deno task ardiff generate --help                   samplers, candidates, traces
  deno task golden tests/golden/*/                   this build against recorded reference values
  deno task data && deno task ardiff train configs/commongen-small.toml --max-minutes 60
  scripts/test.sh                                    all tests
TEXT
