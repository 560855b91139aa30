/**
 * Completions for fish: a line for each option of each command. What follows `-a` is read as a
 * command line once more, so that names in it have quotes of their own.
 */
import type { CommandNode, OptionNode, Value } from "./nodes.ts";

/**
 * The script.
 *
 * @param models names of models
 */
export function fishCompletions(nodes: readonly CommandNode[], models: readonly string[]): string {
  const steps = nodes.filter(({ path }) => path !== "")
    .map(({ path }) => quoted(path.includes(" ") ? path : ` ${path}`));
  const root = nodes.find(({ path }) => path === "");
  const valued = root?.options.filter(({ value }) => value !== undefined) ?? [];
  const before = valued.flatMap(({ flags }) => flags.map((flag) => quoted(` ${flag}`)));
  return `# Completions of ardiff for fish. Written by: ardiff completions fish

function __ardiff_on --description 'whether the words before the cursor call this command'
    set -l command
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
            continue
        end
        switch "$command $word"
            case ${before.join(" ")}
                set skip yes
            case ${steps.join(" ")}
                set command (string trim -- "$command $word")
        end
    end
    test "$command" = "$argv[1]"
end

complete -c ardiff -f
${nodes.flatMap((node) => commandLines(node, models)).join("\n")}
`;
}

function commandLines(
  { path, commands, options, argument }: CommandNode,
  models: readonly string[],
): string[] {
  const start = `complete -c ardiff -n ${quoted(`__ardiff_on ${quoted(path)}`)}`;
  return [
    ...commands.map(({ name, description }) =>
      `${start} -a ${quoted(name)} -d ${quoted(description)}`
    ),
    ...options.map((option) => `${start} ${optionWords(option, models)}`),
    ...(argument === undefined ? [] : [`${start} ${valueWords(argument, models)}`]),
    // fish takes one value an option: the others look like arguments to it.
    ...(options.some(({ many, value }) => many && value?.kind === "file") ? [`${start} -F`] : []),
  ];
}

function optionWords(
  { flags, description, value }: OptionNode,
  models: readonly string[],
): string {
  const names = flags.map((flag) =>
    flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag[1]}`
  );
  const takes = value === undefined ? "" : ` -r ${valueWords(value, models)}`;
  return `${names.join(" ")} -d ${quoted(description)}${takes}`;
}

function valueWords(value: Value, models: readonly string[]): string {
  switch (value.kind) {
    case "words":
      return `-f -a ${quoted(value.words.map(quoted).join(" "))}`;
    case "file":
      return "-F";
    case "folder":
      return "-f -a '(__fish_complete_directories)'";
    case "model":
      return `-f -a ${quoted([...models.map(quoted), "(__fish_complete_directories)"].join(" "))}`;
    case "text":
      return "-f";
  }
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
