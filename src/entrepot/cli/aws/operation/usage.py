"""What is said of a command line that cannot be understood."""

from __future__ import annotations

from entrepot.client.client_errors import UnknownOptions, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "entrepot"
_COLUMNS = 2


def usage_text(command: str | None = None) -> str:
    """How the operation of that name is used, or any; ends with a newline."""
    if command is None:
        return (
            f"usage: {PROGRAM} <operation> [--option value ...]\n"
            f"\n"
            f"  {PROGRAM} help                every command and operation\n"
            f"  {PROGRAM} <operation> help    its options, each explained, and an example\n"
        )
    return (
        f"usage: {PROGRAM} {command} [--option value ...]\n"
        f"\n"
        f"  {PROGRAM} {command} help    its options, each explained, and an example\n"
    )


def usage_error(text: str, usage: str) -> UsageError:
    """The error to raise where reading the command line ends."""
    return UsageError(text, usage=usage)


def unknown_options(arguments: Sequence[str], usage: str) -> UnknownOptions:
    """The error to raise for what is left over when everything was read."""
    return UnknownOptions(f"Unknown options: {', '.join(arguments)}", usage=usage)


def explain_choices(given: str, choices: Sequence[str], similar: Sequence[str] = ()) -> str:
    """The choices in two columns, and those of them and of `similar` that `given` may be a slip for."""
    from difflib import get_close_matches

    rows = [choices[start : start + _COLUMNS] for start in range(0, len(choices), _COLUMNS)]
    lines = ["Invalid choice, valid choices are:\n"]
    lines += [" | ".join(f"{choice:40}" for choice in row) for row in rows]
    close = get_close_matches(given, [*choices, *similar], cutoff=0.8)
    if close:
        lines.append(f"\n\nInvalid choice: {given!r}, maybe you meant:\n")
        lines += [f"  * {word}" for word in close]
    return "\n".join(lines)
