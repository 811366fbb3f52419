"""The program `entrepot`: finds the command, runs it, and turns every failure into one line and an exit code.

    the program's own commands   by the table in `commands`: `entrepot serve …`
    everything else              an operation of the API, as `aws dataexchange` takes it: `entrepot get-job …`

This module is on the way of every command, so it imports the least; a test watches over that.
"""

from __future__ import annotations

import os
import sys

from entrepot.cli.commands import own_command
from entrepot.cli.exit_codes import (
    INTERRUPTED,
    NOT_READ,
    NOT_WRITTEN,
    TERMINATED,
    Terminated,
    exit_code,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line; returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = own_command(given[0]) if given else None
    if command is not None:
        return _run_own(command.module, given[1:])
    if given[:1] in (["--help"], ["-h"]):
        from entrepot.cli.aws.help.command import introduce

        return introduce(asked=True)
    from entrepot.cli.aws.operation.run import run

    return _flushed(run(given))


def _flushed(status: int) -> int:
    """Flushes the output; returns 120, as the AWS CLI, where it cannot be written."""
    try:
        if sys.stdout is not None:  # it is None where it was closed before the program began
            sys.stdout.flush()
    except OSError as error:
        _drop_output()
        if status == 0 and not isinstance(error, BrokenPipeError):
            _tell(f"\nThe output could not be written: {error.strerror}")
        return status or NOT_WRITTEN
    return status


def _run_own(module: str, arguments: list[str]) -> int:
    from importlib import import_module

    from entrepot.client.client_errors import OutputLost

    try:
        status: int = import_module(module).run(arguments)
        _flush()
    except Terminated:
        return TERMINATED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return NOT_READ
        if isinstance(error, OutputLost):
            _drop_output()
        from entrepot.settings.environment import debugging, environment

        if debugging(environment()):
            raise
        return _explain(error)
    return status


def _flush() -> None:
    """Raises `OutputLost` where standard output cannot take its end, and `BrokenPipeError`."""
    try:
        if sys.stdout is not None:  # it is None where it was closed before the program began
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        from entrepot.client.client_errors import OutputLost

        raise OutputLost(error.strerror or str(error)) from error


def _nobody_reads() -> bool:
    """Whether standard output is closed at its other end, as by `head`; then its rest is dropped."""
    import select

    if sys.stdout is None:
        return False
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    if not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
        return False
    _drop_output()
    return True


def _drop_output() -> None:
    if sys.stdout is not None:
        _drop(sys.stdout)


def _drop(stream: TextIO) -> None:
    """Sends what is still buffered nowhere: the interpreter would fail on it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _explain(error: Exception) -> int:
    """Prints an error in one line; returns its exit code."""
    from entrepot.cli.terminal_text import printable
    from entrepot.domain.errors import EntrepotError

    text = (
        error.message
        if isinstance(error, EntrepotError)
        else f"{type(error).__name__}: {error}. Set ENTREPOT_DEBUG=1 to see where this comes from"
    )
    _tell(f"entrepot: {printable(text, lines=True)}")
    return exit_code(error)


def _tell(text: str) -> None:
    """Prints to standard error; where that is closed or full nobody can be told."""
    if sys.stderr is None:
        return
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _drop(sys.stderr)
