"""The program `entrepot`: finds the command, runs it, and turns every failure into one line and an exit code.

Commands are imported when they run, so that none pays for another.
"""

from __future__ import annotations

import os
import platform
import select
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from entrepot import __version__
from entrepot.domain.errors import ConfigurationError, DatabaseUnavailable, EntrepotError

EXIT_DATABASE = 1
EXIT_INTERRUPTED = 130
EXIT_NOT_READ = 141
EXIT_USAGE = 252
EXIT_CONFIGURATION = 253
EXIT_FAILURE = 255


@dataclass(frozen=True, slots=True)
class Command:
    """One command; its module has `run(arguments: list[str]) -> int`."""

    name: str
    module: str
    help: str


COMMANDS = (
    Command("demo", "entrepot.cli.demo", "the main job, end to end, with everything it needs"),
    Command("serve", "entrepot.cli.serve", "the server: API, signed URLs and job workers on one port"),
    Command("worker", "entrepot.cli.worker", "a job worker alone, for more machines"),
    Command("account", "entrepot.cli.account", "create and list accounts"),
    Command("key", "entrepot.cli.key", "create, list and disable access keys"),
    Command("doctor", "entrepot.cli.doctor", "versions, settings and their sources, and what can be reached"),
)

_INTRODUCTION = """\
Entrepot is a self-hosted data exchange that speaks the AWS Data Exchange API.

usage: entrepot <command> [options]
       entrepot <command> --help

commands:
{commands}

first steps:
  entrepot demo      shows an import, get-job and an export with real files
  entrepot serve     prints the variables with which the AWS CLI finds it
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line; returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = _dispatch(given)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return EXIT_NOT_READ
        from entrepot.environment import debugging, environment

        if debugging(environment()):
            raise
        return _explain(error)
    return status


def _nobody_reads() -> bool:
    """Whether standard output is closed at its other end, as by `head`; then its rest is dropped."""
    output = sys.stdout.fileno()
    poll = select.poll()
    poll.register(output, 0)
    if not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return True


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in {"--help", "-h", "help"}:
        print(introduction(), end="")
        return 0
    if arguments[0] in {"--version", "-V"}:
        system = f"{platform.system()}/{platform.release()}"
        print(f"entrepot/{__version__} Python/{platform.python_version()} {system}")
        return 0
    for command in COMMANDS:
        if command.name == arguments[0]:
            status: int = import_module(command.module).run(arguments[1:])
            return status
    from entrepot.cli.unknown import explain_unknown

    raise explain_unknown(arguments, [command.name for command in COMMANDS])


def introduction() -> str:
    """What `entrepot --help` shows."""
    width = max(len(command.name) for command in COMMANDS)
    lines = [f"  {command.name:{width}}   {command.help}" for command in COMMANDS]
    return _INTRODUCTION.format(commands="\n".join(lines))


def _explain(error: Exception) -> int:
    """One line on standard error, and the code that says what kind of failure it is."""
    from entrepot.cli.arguments import UsageError

    match error:
        case UsageError():
            code, text = EXIT_USAGE, error.message
        case ConfigurationError():
            code, text = EXIT_CONFIGURATION, error.message
        case DatabaseUnavailable():
            code, text = EXIT_DATABASE, error.message
        case EntrepotError():
            code, text = EXIT_FAILURE, error.message
        case _:
            code = EXIT_FAILURE
            text = f"{type(error).__name__}: {error}. Set ENTREPOT_DEBUG=1 to see where this comes from"
    print(f"entrepot: {text}", file=sys.stderr)
    return code
