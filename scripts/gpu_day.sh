#!/usr/bin/env bash
# The day a GPU is there: builds, checks, measures and trains on it within ten minutes, in the order of
# what is worth most. Every stage has a limit and a log of its own, and what fails stops only what needs
# it. Results lie in $OUT: day.log (which stage did what), check.log, logs.tar.xz with a log a stage and
# the texts, and the trained model in pieces (cat model.tar.* | tar x).
#
#   scripts/gpu_day.sh --pack      here, before: puts what a machine without network lacks into gpu_day/:
#                                  Deno as deno.xz (31 MB) and its npm packages as packages.tar.xz. git
#                                  ignores the folder: carry it. Says which weights must stay here so that
#                                  what travels is under 64 MiB, and fails where it is not
#   OUT=DIR scripts/gpu_day.sh     there
#   scripts/gpu_day.sh --rehearse  anywhere: the same on the CPU, with tiny sizes, in a few minutes; limits
#                                  are three times as wide, for machines that have other work
#
# $SECONDS_LEFT: how long all of it may take (590).
set -uo pipefail
cd "$(dirname "$0")/.."

say() { echo "$*" >&2; }
readonly LIMIT=$((64 << 20)) # bytes that may travel
model=tatoeba-en-fr-small    # whose text is compared

# ------------------------------------------------------------------------------ packing ----------
if [ "${1:-}" = --pack ]; then
  set -e
  deno=.tools/bin/deno
  [ -x "$deno" ] || deno=$(command -v deno)
  mkdir -p gpu_day
  echo '*' >gpu_day/.gitignore
  say "Packing Deno, half a minute ..."
  xz -6 --keep --stdout "$(readlink -f "$deno")" >gpu_day/deno.xz
  # Of Deno's cache the packages of deno.lock, but of those that draw reports, which are loaded when they
  # are wanted, only what says that they are there.
  cache=$("$deno" info --json | sed -n 's/.*"npmCache": "\(.*\)".*/\1/p')
  mapfile -t packages < <("$deno" eval --no-config '
    const { npm, specifiers } = JSON.parse(Deno.readTextFileSync("deno.lock"));
    const drawing = /^(vega|vega-lite|@resvg\/.*|@fontsource\/.*)@/;
    const nameOf = (id) => id.replace(/(.)@.*/, "$1");
    const needed = new Set();
    const take = (name) => {
      if (needed.has(name)) return;
      needed.add(name);
      const versions = Object.entries(npm).filter(([id]) => nameOf(id) === name);
      for (const [, { dependencies = [] }] of versions) dependencies.map(nameOf).forEach(take);
    };
    Object.keys(specifiers).map((name) => name.replace("npm:", ""))
      .filter((name) => !drawing.test(name)).map(nameOf).forEach(take);
    const all = new Set(Object.keys(npm).map(nameOf));
    for (const name of [...all].sort()) console.log(needed.has(name) ? name : `${name}/.`);')
  (cd "$cache/registry.npmjs.org" && for package in "${packages[@]}"; do
    case $package in
      */.) find "${package%/.}" -mindepth 1 \( -name registry.json -o -name package.json -o -type d \) ;;
      *) find "$package" ! -type d ;;
    esac
  done) | tar -C "$cache/registry.npmjs.org" --no-recursion --sort=name --owner=0 --group=0 \
    --transform 's|^|npm/registry.npmjs.org/|' -T - -cJf gpu_day/packages.tar.xz
  # What travels is the tree, too. One model is asked there; the weights of the others would be too much.
  mapfile -t stay < <(git ls-files 'models/*.safetensors' | grep -v "^models/$model/")
  bytes=$({
    printf '%s\0' gpu_day/*.xz
    git ls-files -z -- . "${stay[@]/#/:!}"
  } | xargs -0 du -cb | awk '$2 == "total" { sum += $1 } END { print sum }')
  say "Travels: $bytes bytes of $LIMIT, without the weights that are not asked for. Before: rm ${stay[*]}"
  say "Afterwards: git checkout -- models"
  [ "$bytes" -le "$LIMIT" ] || { say "That is too much: leave out more." && exit 1; }
  exit
fi

# ------------------------------------------------------------------------------ stages -----------
device=cuda quick=
if [ "${1:-}" = --rehearse ]; then device=cpu quick=quick; fi
OUT=${OUT:-build/gpu_day}
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
export OUT
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
total=${SECONDS_LEFT:-590} patience=1
if [ -n "$quick" ]; then total=${SECONDS_LEFT:-1800} patience=3; fi
left() { echo $((total - SECONDS)); }

log() { echo "$(date +%T) $*" | tee -a "$OUT/day.log" >&2; }
# stage NAME SECONDS COMMAND...: runs it under its limit, or what is left of all; its end goes to day.log.
stage() {
  local name=$1 limit=$(($2 * patience)) code=0 began=$SECONDS
  shift 2
  if [ "$limit" -gt "$(left)" ]; then limit=$(left); fi
  if [ "$limit" -lt 5 ]; then
    log "$name: no time left"
    return 1
  fi
  timeout --kill-after=5 "$limit" "$@" >"$OUT/$name.log" 2>&1 || code=$?
  log "$name: exit code $code after $((SECONDS - began)) s (limit $limit)"
  tail -n 3 "$OUT/$name.log" >&2
  return "$code"
}

export PATH=/usr/local/cuda/bin:$PATH
machine() {
  nvidia-smi
  c++ --version
  python3 -c 'import torch; print(torch.__version__, torch.version.cuda, torch.cuda.is_available())'
  lscpu | head -n 20
}
export -f machine
stage machine 30 bash -c machine

# 1. The shim. Everything needs it. A rehearsal takes the one that is there.
if [ -n "$quick" ] && [ -x build/native/device_check ]; then
  log "build: the shim that is there"
elif ! stage build 240 scripts/build_native.sh; then
  cp build/native/*.log "$OUT" 2>/dev/null
  log "nothing else can run without the shim"
  exit 1
fi

# 2. Through the C ABI alone, without Deno: is it right, then how fast.
stage check 120 build/native/device_check "$device" $quick
# Ends with 3 where no step was recorded: then there is nothing to try of graphs.
stage graph 60 env ARDIFF_STEP_GRAPH=1 build/native/device_check "$device" quick
graphs=$(sed -n 's/^step graphs: //p' "$OUT/graph.log" 2>/dev/null)
log "graph: step graphs: ${graphs:-device_check did not come to them}"
stage kernels 60 build/native/count_kernels --list
python=python3
"$python" -c 'import torch, safetensors, numpy' 2>/dev/null || python=.venv/bin/python
if "$python" -c 'import torch, safetensors, numpy' 2>/dev/null; then
  stage baseline 90 "$python" bench/gpu_baseline.py "$device" $quick
else
  log "baseline: this Python lacks torch, safetensors or numpy"
fi

# 3. The program.
if [ -f gpu_day/deno.xz ]; then
  mkdir -p "$work/bin" "$work/deno"
  xz -dc gpu_day/deno.xz >"$work/bin/deno" && chmod +x "$work/bin/deno"
  tar -xf gpu_day/packages.tar.xz -C "$work/deno"
  export DENO_DIR=$work/deno
  PATH=$work/bin:$PATH
elif [ -x .tools/bin/deno ]; then
  PATH=$PWD/.tools/bin:$PATH
fi
export PATH
ardiff=(deno run --quiet --frozen --cached-only --no-prompt -P=ardiff main.ts)
if ! stage program 30 "${ardiff[@]}" doctor; then
  log "the program does not start here"
  exit 1
fi

if [ -n "$quick" ]; then folders=(tests/golden/ar_txl tests/golden/single_slot); else folders=(tests/golden/*/); fi
portable=()
if [ "$device" = cpu ]; then portable=(--portable); fi
for dtype in f32 bf16; do
  stage "golden-$dtype" 60 "${ardiff[@]}" golden --device "$device" --dtype "$dtype" "${portable[@]}" "${folders[@]}"
done
# Every step but the first of its shapes is a replayed graph then.
case $graphs in
  recorded*)
    stage golden-graph 60 env ARDIFF_STEP_GRAPH=1 "${ardiff[@]}" golden --device "$device" --dtype f32 \
      "${portable[@]}" "${folders[@]}"
    ;;
  *) log "golden-graph: left out, no steps are recorded here" ;;
esac

# The same text on the CPU and on the device: a model in the shifted layout, which decodes.
printf '%s\n' "I am hungry." "Where is the station?" "She reads a book every day." >"$work/lines"
compare() { # name
  if [ -s "$OUT/$1-cpu.txt" ] && [ -s "$OUT/$1-$device.txt" ]; then
    log "$1: $(diff "$OUT/$1-cpu.txt" "$OUT/$1-$device.txt" | grep -c '^<') of $(wc -l <"$OUT/$1-cpu.txt") lines differ between CPU and $device"
  fi
}
generate() { # model, name
  for on in $(printf '%s\n' cpu "$device" | sort -u); do
    # shellcheck disable=SC2016 # for the shell that is started
    stage "$2-$on" 60 bash -c 'lines=$1 text=$2; shift 2; "$@" <"$lines" >"$text"' bash \
      "$work/lines" "$OUT/$2-$on.txt" "${ardiff[@]}" generate --model "$1" --device "$on" --dtype f32
  done
  compare "$2"
}
if [ -f "models/$model/model.safetensors" ]; then generate "models/$model" text; fi

# 4. Training: a few updates, and going on after them; then the paper's CommonGen size for what is left.
stage data 30 deno run --quiet --frozen --cached-only --no-prompt -P=data scripts/unpack_data.ts
train=(
  "${ardiff[@]}" train configs/commongen.toml --device "$device" --output "$work/run"
  --set tokenizer.file=models/commongen-small/tokenizer.json
)
if [ -n "$quick" ]; then
  for side in src tgt; do head -n 100 "data/commongen/train.$side" >"$work/train.$side"; done
  train+=(
    data.train.source_file="$work/train.src" data.train.target_file="$work/train.tgt" validation.lines=4
    training.batch_size=2 training.accumulation=2 network.encoder_layers=1 network.decoder_layers=1
  )
  first=2 then=4
else
  train+=(training.accumulation=4 validation.every=200)
  first=20 then=40
fi
if stage train 90 "${train[@]}" --max-steps "$first" &&
  stage resume 60 "${train[@]}" --max-steps "$then" --resume; then
  minutes=$(awk "BEGIN { print ($(left) - 75) / 60 }")
  if [ -n "$quick" ]; then minutes=0.1; fi
  if awk "BEGIN { exit !($minutes > 0.05) }"; then
    # Ends by itself and saves; the limit is for what hangs.
    stage long $(($(left) - 45)) "${train[@]}" --resume --max-minutes "$minutes"
  fi
fi
cp "$work"/run/*.jsonl "$OUT" 2>/dev/null
if [ -f "$work/run/model/model.safetensors" ]; then generate "$work/run/model" trained; fi

# 5. What goes home: at most eight files of at most 16 MiB.
nvidia-smi >>"$OUT/machine.log" 2>&1
if [ -d "$work/run/model" ]; then
  tar -C "$work/run" -cf - model | split -d -a 1 -b 15M - "$OUT/model.tar."
fi
mkdir "$work/logs"
mv "$OUT"/*.log "$OUT"/*.txt "$OUT"/*.jsonl "$work/logs" 2>/dev/null
cp "$work/logs/day.log" "$work/logs/check.log" "$OUT" 2>/dev/null
tar -C "$work" -cJf "$OUT/logs.tar.xz" logs
say "Results: $OUT"
