#!/usr/bin/env bash
# Lays the program out in a new folder as scripts/compile.sh and scripts/offline_kit.sh hand it on:
#   ardiff        start script         deno.json   permissions
#   bin/deno      Deno                 src/bundle  the program, bundled
#   build/loader  loader of libtorch   models      the models named after the folder
#   configs       configurations       docs        the manual page
# The native libraries, build/native/libardiff.so and libardiff_group.so, are for the caller to add.
#
#   scripts/stage_package.sh FOLDER [MODEL...]
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "$*" >&2; exit 1; }

root=$1
shift
deno=.tools/bin/deno
[ -x "$deno" ] || deno=$(command -v deno) || fail "Cannot find Deno: run scripts/setup.sh and try again."
compiler=${CC:-$(command -v cc || command -v gcc || command -v clang || true)}
[ -n "$compiler" ] || fail "Cannot find a C compiler: install the package \"gcc\" or name one in CC."

rm -rf "$root"
mkdir -p "$root/bin" "$root/build/loader" "$root/src"
install -m 755 native/launcher/ardiff.sh "$root/ardiff"
# Beside the native library a package may load the loader, but no libtorch that a build has left there.
"$deno" eval --no-config '
  const config = JSON.parse(Deno.readTextFileSync("deno.json"));
  const libraries = ["native/libardiff.so", "native/libardiff_group.so", "loader/libtorch_loader.so"];
  for (const set of Object.values(config.permissions)) {
    if (set.ffi) set.ffi = libraries.map((name) => `./build/${name}`);
  }
  Deno.writeTextFileSync(Deno.args[0], JSON.stringify(config, null, 2) + "\n");
' "$root/deno.json"
# What npm puts on the PATH may be a script that starts Deno.
cp "$("$deno" eval --no-config 'console.log(Deno.execPath())')" "$root/bin/deno"

# What pictures as PNG take besides code; ardiff report looks for it beside its bundle.
mkdir -p "$root/src/bundle/png"
"$deno" eval '
  const { PNG_FILES } = await import("./src/report/png.ts");
  for (const [name, place] of Object.entries(PNG_FILES)) {
    Deno.copyFileSync(new URL(import.meta.resolve(place)), `${Deno.args[0]}/${name}`);
  }
' "$root/src/bundle/png" || fail "Cannot find what pictures as PNG take: run scripts/setup.sh and try again."
"$deno" bundle --quiet --frozen --code-splitting --outdir "$root/src/bundle" main.ts src/mbr/worker.ts ||
  fail "Cannot bundle the program: the first time Deno fetches its bundler from npm, which takes a network."
# The bundle of a worker is not found by the name of its module.
pool=$(grep -lF 'new URL("./worker.ts", import.meta.url)' "$root"/src/bundle/*.js) ||
  fail "Cannot find where the bundle starts the worker threads of MBR."
sed -i 's|new URL("./worker.ts"|new URL("./src/mbr/worker.js"|' "$pool"

"$compiler" -shared -fPIC -nostdlib -O2 -fvisibility=hidden \
  -o "$root/build/loader/libtorch_loader.so" native/launcher/libtorch_loader.c
strip "$root/build/loader/libtorch_loader.so" 2>/dev/null || true

# What "ardiff files" prints and "ardiff train" takes by name.
mkdir "$root/docs"
cp docs/ardiff.1 "$root/docs/"
cp -R configs "$root/configs"

for model in "$@"; do
  mkdir -p "$root/models"
  cp -R "$model" "$root/models/"
done
