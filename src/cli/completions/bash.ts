/**
 * Completions for bash: one function over two tables, of commands and of option values. Names never
 * reach `compgen -W`, which expands words as a command line: `$(...)` in a name would run.
 */
import type { CommandNode, Value } from "./nodes.ts";

/**
 * The script.
 *
 * @param models names of models
 */
export function bashCompletions(
  nodes: readonly CommandNode[],
  models: readonly string[],
): string {
  const called = nodes.filter(({ path }) => path !== "").map(({ path }) => stepOf(path));
  return `# Completions of ardiff for bash. Written by: ardiff completions bash

# Sets value to how the value of an option is completed, and many to 1 where it takes several.
_ardiff_option() { # command, option
  value= many=
  case "$1 $2" in
${nodes.flatMap(optionCases).join("\n")}
  esac
}

_ardiff_models=(${models.map(quoted).join(" ")})

_ardiff_offer() { # words
  local word
  for word in "$@"; do
    if [[ $word == "$current"* ]]; then COMPREPLY+=("$word"); fi
  done
}

_ardiff_complete() { # how, words
  local list
  case $1 in
    file) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    folder | model) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    words) read -ra list <<<"$2" && _ardiff_offer "\${list[@]}" ;;
  esac
  if [[ $1 == model ]]; then _ardiff_offer "\${_ardiff_models[@]}"; fi
  case $1 in file | folder | model) compopt -o filenames 2>/dev/null ;; esac
}

_ardiff() {
  local current=\${COMP_WORDS[COMP_CWORD]} command= option= value= many= words how i
  COMPREPLY=()
  # Bash parts --option=value into three words.
  [[ $current == = ]] && current=
  for ((i = 1; i < COMP_CWORD; i++)); do
    local word=\${COMP_WORDS[i]}
    if [[ $word == = ]]; then continue; fi
    if [[ $word == -* ]]; then
      _ardiff_option "$command" "$word"
      option=$value
      continue
    fi
    if [[ -n $option ]]; then
      [[ -n $many ]] || option=
      continue
    fi
    case "$command $word" in
      ${called.map((step) => quoted(step)).join(" | ")}) command=\${command:+$command }$word ;;
    esac
  done
  if [[ -n $option && $current != -* ]]; then
    _ardiff_complete \${option%%:*} "\${option#*:}"
    return
  fi
  words= how=
  case $command in
${nodes.map(commandCase).join("\n")}
  esac
  if [[ $current == -* || -z $how ]]; then
    _ardiff_complete words "$words"
  else
    _ardiff_complete \${how%%:*} "\${how#*:}"
  fi
}

complete -F _ardiff ardiff
`;
}

/** How the last word of a path is met: "tokenizer train", " generate". */
function stepOf(path: string): string {
  return path.includes(" ") ? path : ` ${path}`;
}

function optionCases({ path, options }: CommandNode): string[] {
  return options.flatMap(({ flags, value, many }) => {
    if (value === undefined) return [];
    const patterns = flags.map((flag) => quoted(`${path} ${flag}`)).join(" | ");
    return `    ${patterns}) value=${quoted(howOf(value))}${many ? " many=1" : ""} ;;`;
  });
}

function commandCase({ path, commands, options, argument }: CommandNode): string {
  const names = commands.map(({ name }) => name);
  const flags = options.flatMap((option) => option.flags).filter((flag) => flag.startsWith("--"));
  const how = names.length > 0
    ? howOf({ kind: "words", words: names })
    : argument && howOf(argument);
  const assignment = how === undefined ? "" : ` how=${quoted(how)}`;
  return `    ${quoted(path)}) words=${quoted(flags.join(" "))}${assignment} ;;`;
}

function howOf(value: Value): string {
  return value.kind === "words" ? `words:${value.words.join(" ")}` : value.kind;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
