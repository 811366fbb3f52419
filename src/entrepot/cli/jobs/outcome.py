"""How `watch` and `wait-job` end: exit codes by the states of jobs; failures are told as operations do."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress

from entrepot.cli.exit_codes import exit_code
from entrepot.cli.terminal_text import printable
from entrepot.client.client_errors import ClientError
from entrepot.client.job_following import ENDS
from entrepot.settings.environment import debugging, environment

EXIT_CODES = {"COMPLETED": 0, "CANCELLED": 3, "TIMED_OUT": 4, "ERROR": 1}

EXIT_CODES_TEXT = (
    "Exit codes: 0 COMPLETED, 1 ERROR, 3 CANCELLED, 4 TIMED_OUT; of several jobs that of the worst, where "
    "ERROR is worse than TIMED_OUT, which is worse than CANCELLED."
)


def exit_code_of(states: Iterable[str]) -> int:
    """The exit code for the worst of these states. Raises `ValueError` for a state that is not an end."""
    return EXIT_CODES[max(states, key=ENDS.index)]


def report(error: ClientError) -> int:
    """Tells the error as operations do; returns the exit code. Raises it instead with `ENTREPOT_DEBUG`."""
    if debugging(environment()):
        raise error
    if sys.stderr is not None:  # closed (`2>&-`), where print would take standard output instead
        with suppress(OSError):  # full
            print(f"\n{printable(error.message, lines=True)}", file=sys.stderr)
    return exit_code(error)
