/** Declares `ardiff completions`. */
import { Argument, Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Environment } from "../../host/environment.ts";
import { rootOf } from "../command_tree.ts";
import { addGuide } from "../guide.ts";

/** The command. */
export function completionsCommand(environment: Environment): CommandUnknownOpts {
  const command = new Command("completions")
    .description("Print a script that teaches a shell to complete ardiff's command lines.")
    .addArgument(new Argument("<shell>", "the shell").choices(["bash", "zsh", "fish"] as const))
    .action(async (shell) => {
      const { completions } = await import("../../commands/completions.ts");
      const { completionScript } = await import("../completions/script.ts");
      await completions(
        (models) => completionScript(shell, rootOf(plain), models),
        environment,
      );
    });
  const plain = command as CommandUnknownOpts;
  addGuide(plain, {
    examples: [
      "source <(ardiff completions bash)",
      "ardiff completions fish > ~/.config/fish/completions/ardiff.fish",
    ],
    remarks: [
      "To have completions in every new shell:\n" +
      "  bash  add the first example to ~/.bashrc\n" +
      "  zsh   ardiff completions zsh > ~/.zfunc/_ardiff, and in ~/.zshrc, before compinit:\n" +
      "        fpath+=(~/.zfunc)\n" +
      "  fish  the second example, once",
    ],
  });
  return plain;
}
