#!/usr/bin/env bash
# What experiments/languages.toml needs besides its data, and the autoregressive twins beside it.
#
#   experiments/languages.sh prepare         tokenizers, trained on both sides, and lines to measure on
#   experiments/languages.sh twins MINUTES   a twin for each direction in as many processor minutes
#
# The data may not be handed on, nor what is made of them: all of it lies in runs/languages.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=runs/languages
mkdir -p $folder

case "${1-}" in
  prepare)
    for language in de fr cs; do
      bin/ardiff tokenizer train --vocab-size 8000 --output $folder/$language.json \
        --input data/multi30k/train.$language data/multi30k/train.en
    done
    for language in de fr cs en; do
      awk 'NR % 5 == 1' data/multi30k/val.$language >$folder/val.$language # 203 of 1,014 lines
    done
    ;;
  twins)
    for direction in de-en en-fr en-cs en-de fr-en cs-en; do
      source=${direction%-*} target=${direction#*-} twin=$folder/twin-$direction
      language=$source
      [ "$source" != en ] || language=$target
      sed -e "/source_file/s/de\"/$source\"/" -e "/target_file/s/en\"/$target\"/" \
        -e "s#data/multi30k/val#$folder/val#" configs/multi30k-de-en-tiny.toml >$twin.toml
      bench/rivals.sh bench/twin.py train --config $twin.toml --tokenizer $folder/$language.json \
        --output $twin --minutes "${2:?processor minutes of a training}"
      bench/rivals.sh bench/twin.py evaluate --config $twin.toml --twin $twin | sed "s/^/$direction /"
    done
    ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0" && exit 2 ;;
esac
