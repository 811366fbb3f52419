"""What the command lines of `publish` and `fetch` share: options, connections, the summary, the exit code."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from entrepot.cli.arguments import Parser
from entrepot.cli.bulk.exchange_calls import Exchange
from entrepot.cli.bulk.run_summary import RunSummary
from entrepot.cli.bulk.signed_urls import SignedUrls
from entrepot.cli.bulk.user_bucket import Bucket, read_bucket_place, s3_credentials
from entrepot.cli.client_options import add_connection_options, open_client
from entrepot.cli.exit_codes import FAILED, SUCCESS, Terminated
from entrepot.cli.jobs.progress_display import ProgressDisplay
from entrepot.cli.terminal_text import print_json
from entrepot.http.pool import ConnectionOptions
from entrepot.settings.environment import environment
from entrepot.settings.settings import Settings
from entrepot.stores.credentials import CredentialSource
from entrepot.stores.s3_client import S3Client, S3Options

_MANY_FILES = 200
"""From so many on a bucket on the way is well worth it: a job for each file costs more than its bytes."""
_LISTED = 10
EXIT_CODES = (
    "Exit codes: 0 everything is there; 1 something failed, the rest is done; 130 interrupted by Ctrl-C, 143 "
    "by SIGTERM; 252 to 255 it could not begin, or had to give up. Whatever the code, the same command run "
    "again goes on from what is there."
)


def add_transfer_options(parser: Parser, *, through_help: str) -> None:
    parser.add_argument("--through", metavar="S3_URL", type=read_bucket_place, help=through_help)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
    parser.add_argument(
        "--concurrency",
        metavar="NUMBER",
        type=positive_number,
        help="how many jobs run at once (default: the service's limit, 10 of a type)",
    )
    add_connection_options(parser)
    group = parser.add_argument_group(
        "your buckets",
        "the exchange must reach them, too. Keys that are set in the environment go to both; where they need "
        "different ones, name those for S3 by --s3-profile, or those for the exchange by --profile",
    )
    group.add_argument(
        "--s3-endpoint-url", metavar="URL", help="where they are [AWS_ENDPOINT_URL_S3; default: AWS]"
    )
    group.add_argument(
        "--s3-profile",
        metavar="NAME",
        help="the profile with the keys for S3 (default: as any AWS program finds them)",
    )


def positive_number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return number


class Connections(AbstractContextManager["Connections"]):
    """Everything that a run talks to, opened when it is needed and closed at the end."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Raises `ConfigurationError`."""
        self._options = options
        self._environ = environment()
        self._settings = Settings.load({}, self._environ)
        self.exchange = Exchange(lambda: open_client(options))
        self._buckets: list[Bucket] = []
        self._signed_urls: SignedUrls | None = None
        self._s3_keys: CredentialSource | None = None

    def require_s3_keys(self) -> None:
        """Finds the keys for the user's buckets, before anything is made. Raises `ClientError`s."""
        self._s3_credentials()

    def _s3_credentials(self) -> CredentialSource:
        if self._s3_keys is None:
            options = self._options
            has_keys = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= self._environ.keys()
            profile = options.s3_profile or (None if has_keys else options.profile)
            self._s3_keys = s3_credentials(profile, self._environ)
        return self._s3_keys

    def bucket(self, name: str) -> Bucket:
        options, settings = self._options, self._settings
        region = options.region or self._environ.get("AWS_REGION") or self._environ.get("AWS_DEFAULT_REGION")
        client = S3Client(
            self._s3_credentials(),
            endpoint_url=options.s3_endpoint_url or settings.s3_endpoint_url,
            region=region or settings.region,
            options=S3Options(self._connection_options()),
        )
        bucket = Bucket(client, name)
        self._buckets.append(bucket)
        return bucket

    def signed_urls(self) -> SignedUrls:
        if self._signed_urls is None:
            self._signed_urls = SignedUrls(self._connection_options())
        return self._signed_urls

    def _connection_options(self) -> ConnectionOptions:
        settings = self._settings
        return ConnectionOptions(
            ca_bundle=settings.ca_bundle, proxies=settings.proxies, no_proxy=settings.no_proxy
        )

    def __exit__(self, *_: object) -> None:
        for bucket in self._buckets:
            bucket.close()
        if self._signed_urls is not None:
            self._signed_urls.close()


def state_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_state_dir("entrepot", appauthor=False))


def new_summary(verb: str) -> RunSummary:
    return RunSummary(verb, ProgressDisplay.on(sys.stderr, environment()))


@contextmanager
def interruptible(totals: RunSummary) -> Iterator[None]:
    """Lets SIGTERM end the program in order, as Ctrl-C does; either way says how to go on."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except KeyboardInterrupt:
        totals.display.close()
        totals.note(f"{totals.verb}: interrupted; run the same command again to go on from here.")
        raise
    except BaseException:
        totals.display.close()
        raise


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def note_names(totals: RunSummary, doing: str, names: Sequence[str]) -> None:
    for name in names[:_LISTED]:
        totals.note(f"{totals.verb}: {doing} {name!r}")
    if len(names) > _LISTED:
        totals.note(f"{totals.verb}: and {len(names) - _LISTED:,} more")


def advice(totals: RunSummary, noun: str) -> str:
    """Advises `--through` after a run that took a job for each of many files."""
    moved = totals.assets - totals.skipped
    if moved < _MANY_FILES:
        return ""
    return f"{moved:,} {noun} took {moved:,} jobs; --through s3://bucket/prefix takes a hundredth of them."


def finish(totals: RunSummary, summary: Mapping[str, Any], advised: str = "") -> int:
    """Prints the summary on standard output, and the advice beside it; returns the exit code."""
    totals.display.close()
    if advised:
        totals.note(f"{totals.verb}: {advised}")
    counts = {
        "Assets": totals.assets,
        "Bytes": totals.bytes,
        "Skipped": totals.skipped,
        "Removed": totals.removed,
        "Failed": totals.failed,
        "Jobs": totals.jobs,
        "Seconds": round(totals.seconds, 3),
    }
    failures = [{"Name": name, "Reason": reason} for name, reason in totals.failures]
    document = {**summary, **counts, **({"Failures": failures} if failures else {})}
    print_json(document)
    return FAILED if totals.failed else SUCCESS
