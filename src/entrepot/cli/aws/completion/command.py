"""`entrepot completion bash|zsh|fish`."""

from __future__ import annotations

from entrepot.cli.arguments import Parser
from entrepot.cli.aws.completion.shells import SHELLS, script

_DESCRIPTION = """\
Prints the script that lets a shell complete commands, options, their values, and ids from the server.

bash: eval "$(entrepot completion bash)" in ~/.bashrc. zsh: the same with zsh in ~/.zshrc, after compinit.
fish: entrepot completion fish | source in ~/.config/fish/config.fish. See `entrepot help completion`."""


def run(arguments: list[str]) -> int:
    """Prints the script."""
    parser = Parser("completion", _DESCRIPTION)
    parser.add_argument("shell", choices=SHELLS)
    print(script(parser.parse_args(arguments).shell), end="")
    return 0
