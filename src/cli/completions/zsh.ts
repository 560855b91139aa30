/** Completions for zsh: a function for each command, with the specifications of `_arguments`. */
import type { CommandNode, OptionNode, Value } from "./nodes.ts";

/**
 * The script.
 *
 * @param models names of models
 */
export function zshCompletions(nodes: readonly CommandNode[], models: readonly string[]): string {
  return `#compdef ardiff
# Completions of ardiff for zsh. Written by: ardiff completions zsh

_ardiff_models() {
  compadd -- ${models.map(quoted).join(" ")}
  _files -/
}

${nodes.map(commandFunction).join("\n")}
if [[ $funcstack[1] == _ardiff ]]; then
  _ardiff "$@"
else
  compdef _ardiff ardiff
fi
`;
}

function nameOf(path: string): string {
  return ["_ardiff", ...path.split(" ").filter((word) => word !== "")].join("_");
}

function commandFunction({ path, commands, options, argument }: CommandNode): string {
  const specs = options.map(optionSpec);
  if (commands.length === 0) {
    // An option takes one value here: the others look like arguments.
    const rest = argument ?? options.find(({ many }) => many)?.value;
    if (rest !== undefined) specs.push(quoted(`*:value:${action(rest)}`));
    return `${nameOf(path)}() {\n  _arguments -s -S${joined(specs, "    ")}\n}\n`;
  }
  const described = commands.map(({ name, description }) => quoted(`${name}:${description}`));
  const cases = commands.map(({ name }) =>
    `        ${name}) ${nameOf(`${path} ${name}`.trim())} ;;`
  );
  return `${nameOf(path)}() {
  local state line
  local -a commands=(${described.map((entry) => `\n    ${entry}`).join("")}
  )
  _arguments -C -s -S${joined(specs, "    ")} \\
    '1: :->command' '*:: :->rest'
  case $state in
    command) _describe command commands ;;
    rest)
      case $line[1] in
${cases.join("\n")}
      esac ;;
  esac
}
`;
}

function joined(specs: readonly string[], indent: string): string {
  return specs.map((spec) => ` \\\n${indent}${spec}`).join("");
}

function optionSpec({ flags, description, value, many }: OptionNode): string {
  const what = `[${escaped(description)}]`;
  const takes = value === undefined ? "" : `:value:${action(value)}`;
  if (flags.length === 1) {
    const [flag = ""] = flags;
    return quoted(`${many ? "*" : ""}${flag}${value === undefined ? "" : "="}${what}${takes}`);
  }
  const exclusions = many ? "*" : `(${flags.join(" ")})`;
  // Without a value a flag stands alone; with one, --long=VALUE is possible too.
  const forms = flags.map((flag) =>
    value === undefined ? flag : `${flag}${flag.startsWith("--") ? "=" : "+"}`
  );
  return `${quoted(exclusions)}{${forms.join(",")}}${quoted(`${what}${takes}`)}`;
}

function action(value: Value): string {
  switch (value.kind) {
    case "words":
      return `(${value.words.join(" ")})`;
    case "file":
      return "_files";
    case "folder":
      return "_files -/";
    case "model":
      return "_ardiff_models";
    case "text":
      return " ";
  }
}

/** A description in a specification, where brackets and colons have a meaning. */
function escaped(text: string): string {
  return text.replace(/[\\[\]:]/g, "\\$&");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
