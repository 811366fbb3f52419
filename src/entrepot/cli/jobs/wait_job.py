"""`entrepot wait-job JOB …`: waits in silence until jobs have ended, for scripts; AWS has no waiter here."""

from __future__ import annotations

import argparse
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from entrepot.cli.arguments import Parser
from entrepot.cli.client_options import add_connection_options, open_client
from entrepot.cli.jobs.outcome import EXIT_CODES_TEXT, exit_code_of, report
from entrepot.cli.terminal_text import print_text
from entrepot.client.client_errors import ClientError
from entrepot.client.job_following import FollowedJob, Follower

WAITED_TOO_LONG = 124
"""As `timeout` has it."""

_LONGEST_PAUSE_SECONDS = 2.0
_LONGEST_ALARM_SECONDS = 1e8


class _TimeIsUp(BaseException):
    """Interrupts whatever the program waits for, past all that catch errors."""


def run(arguments: list[str]) -> int:
    """Waits for jobs; the exit code says how they ended, or that time was up."""
    options = _parser().parse_args(arguments)
    try:
        with _alarm(options.timeout):
            ended = _wait(options)
    except ClientError as error:
        return report(error)
    except _TimeIsUp:
        return WAITED_TOO_LONG
    if options.any:
        for job in ended:
            print_text(job.id)
    return exit_code_of(job.state for job in ended)


def _wait(options: argparse.Namespace) -> list[FollowedJob]:
    deadline = math.inf if options.timeout is None else time.monotonic() + options.timeout
    follower = Follower(open_client(options), options.jobs, wants_counts=False)
    while True:
        follower.look()
        if follower.all_ended or (options.any and follower.ended):
            return follower.ended
        left = deadline - time.monotonic()
        if left <= 0:
            raise _TimeIsUp
        time.sleep(min(follower.pause(_LONGEST_PAUSE_SECONDS), left))


def _parser() -> Parser:
    parser = Parser(
        "wait-job",
        "Waits until jobs have ended, and says nothing but its exit code. A server that restarts meanwhile "
        f"is waited for, too.\n\n{EXIT_CODES_TEXT} 124: time was up before that.",
    )
    parser.add_argument("jobs", nargs="+", metavar="JOB", help="the id of a job")
    parser.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="how long to wait at most; 0 looks once (default: as long as it takes)",
    )
    how_many = parser.add_mutually_exclusive_group()
    how_many.add_argument("--all", action="store_true", help="until all have ended; the default")
    how_many.add_argument(
        "--any", action="store_true", help="until one has ended; prints the ids of those that have"
    )
    add_connection_options(parser)
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds")
    return seconds


@contextmanager
def _alarm(seconds: float | None) -> Iterator[None]:
    """Ends the block by `_TimeIsUp`, even when a server accepts a question and never answers it.

    After a second at least, which a first answer may take; the loop looks at the time more closely.
    """
    if seconds is None or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise _TimeIsUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, min(max(seconds, 1.0), _LONGEST_ALARM_SECONDS))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
