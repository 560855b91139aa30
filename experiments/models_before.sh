#!/usr/bin/env bash
# Brings Tatoeba models that came with the project before, out of its history, to runs/before: two were
# trained in the paper's process, which the models of today are not, and one as they are, but for
# distillation.
#
#   runs/before/fixed        anchor fixed at 1N, F = 8, 20,000 updates (commit 70237ab)
#   runs/before/moving       anchor moving, W = 2, F = 16, 9,000 updates (commit 495e0a0)
#   runs/before/undistilled  shifted, 9,600 updates of the references alone (commit 806f623)
set -euo pipefail
cd "$(dirname "$0")/.."

bring() { # commit, name
  mkdir -p "runs/before/$2"
  for file in config.json model.safetensors tokenizer.json; do
    git show "$1:models/tatoeba-en-fr-small/$file" >"runs/before/$2/$file"
  done
}
bring 70237ab fixed
bring 495e0a0 moving
bring 806f623 undistilled
# A key that was not there yet.
sed -i 's/"anchor_scale": 1,/"anchor_scale": 1, "anchor_distance": null,/' runs/before/fixed/config.json
