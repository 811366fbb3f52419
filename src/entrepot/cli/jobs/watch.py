"""`entrepot watch JOB …`: how far jobs are, live, and each of them in the end as `get-job` prints it.

Progress is on standard error, the jobs are on standard output; whoever stops watching leaves the jobs alone.
"""

from __future__ import annotations

import argparse
import sys
import time

from entrepot.cli.arguments import Parser
from entrepot.cli.aws.operation.options import COLOURS, OUTPUTS
from entrepot.cli.aws.output.query import compile_query
from entrepot.cli.aws.output.writer import FORMATS, write
from entrepot.cli.client_options import add_connection_options, configuration_of, connection_options
from entrepot.cli.exit_codes import INTERRUPTED
from entrepot.cli.jobs.outcome import EXIT_CODES_TEXT, exit_code_of, report
from entrepot.cli.jobs.progress_display import ProgressDisplay, ProgressLine, Severity
from entrepot.cli.terminal_text import printable_values
from entrepot.client.client import Client
from entrepot.client.client_errors import ClientError, OutputError
from entrepot.client.job_following import FollowedJob, Follower
from entrepot.client.target import check_settings, resolve_target
from entrepot.settings.environment import environment

_LONGEST_PAUSE_SECONDS = 2.0
_LONGEST_LIVE_PAUSE_SECONDS = 0.5
_SEVERITIES = {
    "COMPLETED": Severity.GOOD,
    "CANCELLED": Severity.WARNING,
    "ERROR": Severity.BAD,
    "TIMED_OUT": Severity.BAD,
}


def run(arguments: list[str]) -> int:
    """Watches jobs until all have ended; the exit code says how. Ctrl-C stops watching, not the jobs."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except ClientError as error:
        return report(error)


def _run(options: argparse.Namespace) -> int:
    # What is wrong with the output is told now, not when the jobs have ended.
    query = None if options.query is None else compile_query(options.query)
    configuration, connection = configuration_of(options), connection_options(options)
    check_settings(configuration, connection)
    output = options.output or configuration.output()
    if output not in FORMATS:
        raise OutputError(f"Unknown output type: {output}")
    client = Client(resolve_target(configuration, connection), timestamps=configuration.timestamp_format())
    jobs = _watch(client, options.jobs)
    if jobs is None:
        return INTERRUPTED
    for job in jobs:
        answer = printable_values(job.answer)
        write([answer], operation_name="GetJob", output_format=output, query=query, colour=options.color)
    return exit_code_of(job.state for job in jobs)


def _parser() -> Parser:
    parser = Parser(
        "watch",
        "Shows how far jobs are: state, assets, bytes, rate and time left, live on a terminal and line by "
        "line elsewhere, on standard error. Once all have ended, each is printed on standard output as "
        f"get-job prints it.\n\n{EXIT_CODES_TEXT} Ctrl-C stops watching and leaves the jobs alone.",
    )
    parser.add_argument("jobs", nargs="+", metavar="JOB", help="the id of a job")
    shown = parser.add_argument_group("how the jobs are printed in the end, as operations print them")
    shown.add_argument("--output", choices=OUTPUTS, help="the format (default: as configured, else json)")
    shown.add_argument("--query", metavar="JMESPATH", help="what of each job to print")
    shown.add_argument("--color", choices=COLOURS, default="auto", help="whether tables have colours")
    add_connection_options(parser)
    return parser


def _watch(client: Client, job_ids: list[str]) -> list[FollowedJob] | None:
    """The jobs once all have ended; None where the user stops watching before. Raises `ClientError`."""
    display = ProgressDisplay.on(sys.stderr, environment())
    follower = Follower(client, job_ids, wants_counts=True, note=display.note)
    try:
        _show(follower, display)
    except KeyboardInterrupt:
        display.close()
        display.note(_farewell([job.id for job in follower.jobs if not job.has_ended]))
        return None
    finally:
        display.close()
        client.close()
    return follower.jobs


def _show(follower: Follower, display: ProgressDisplay) -> None:
    told_to_start = False
    longest = _LONGEST_LIVE_PAUSE_SECONDS if display.is_live else _LONGEST_PAUSE_SECONDS
    while True:
        follower.look()
        display.show([_line(job) for job in follower.jobs if job.state])
        if follower.all_ended:
            return
        if not told_to_start and (waiting := [job.id for job in follower.jobs if job.state == "WAITING"]):
            told_to_start = True
            display.note(f"Not started yet; this starts it: entrepot start-job --job-id {waiting[0]}")
        time.sleep(follower.pause(longest))


def _line(job: FollowedJob) -> ProgressLine:
    severity = _SEVERITIES.get(job.state, Severity.UNDER_WAY)
    if job.has_ended or not job.waits_for:
        return ProgressLine(job.id, job.state, job.counts, severity)
    return ProgressLine(job.id, job.state, job.counts, Severity.WARNING, detail=f"waits: {job.waits_for}")


def _farewell(job_ids: list[str]) -> str:
    if len(job_ids) == 1:
        return f"The job goes on; this shows it again: entrepot watch {job_ids[0]}"
    return f"The jobs go on; this shows them again: entrepot watch {' '.join(job_ids)}"
