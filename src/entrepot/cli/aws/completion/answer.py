"""`entrepot __complete`: answers a shell that completes. For the scripts of `entrepot completion` alone.

    entrepot __complete SHELL [--breaks CHARACTERS] [--variable NAME=VALUE]… -- LINE

LINE is the command line up to the cursor. It prints one candidate a line in the form that the shell's script
reads, and says nothing else whatever happens: an error in the middle of a line that is typed helps nobody.
"""

from __future__ import annotations

import os.path

from entrepot.cli.aws.completion.engine import Engine
from entrepot.cli.aws.completion.line import read_line
from entrepot.cli.aws.completion.live import LiveIds
from entrepot.cli.aws.completion.shells import words_for_bash, words_for_zsh, words_with_meanings
from entrepot.settings.environment import debugging, environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_PROGRAM = "entrepot"


def run(arguments: list[str]) -> int:
    """Prints the candidates; always 0."""
    environ = environment()
    try:
        answer = _answer(arguments, environ)
    except Exception:
        if debugging(environ):
            raise
        return 0
    if answer:
        print("\n".join(answer))
    return 0


def _answer(arguments: Sequence[str], environ: dict[str, str]) -> list[str]:
    options, text = arguments[1 : arguments.index("--")], arguments[-1]
    shell = arguments[0]
    breaks, variables = "", dict(environ)
    for name, value in zip(options[::2], options[1::2], strict=True):
        if name == "--breaks":
            breaks = value
        else:
            variable, _, content = value.partition("=")
            variables[variable] = content
    line = read_line(text, variables)
    words, environ = _without_program(line.words, environ)
    engine = Engine(environ, LiveIds(environ), explain=shell != "bash")
    candidates = engine.complete(words, line.current)
    if shell == "bash":
        return words_for_bash(candidates, line, breaks)
    return words_for_zsh(candidates) if shell == "zsh" else words_with_meanings(candidates)


def _without_program(words: list[str], environ: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """The words after the program's name, and the environment with what is set before it: `A=x entrepot`."""
    environ = dict(environ)
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if os.path.basename(word) == _PROGRAM or not equals:  # noqa: PTH119 - pathlib takes 5 ms
            return words[place + 1 :], environ
        environ[name] = value
    return [], environ
