"""`entrepot fetch`: the assets of a revision arrive in a folder, or in a bucket below a prefix."""

from __future__ import annotations

import argparse
import hashlib
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from entrepot.cli.arguments import Parser
from entrepot.cli.bulk.asset_paths import folds_case, remote_assets
from entrepot.cli.bulk.download import (
    BucketDestination,
    Destination,
    FolderDestination,
    Plan,
    chosen_revisions,
)
from entrepot.cli.bulk.download_folder import ReceivingFolder
from entrepot.cli.bulk.export_jobs import Waypoint
from entrepot.cli.bulk.job_runner import JobRunner, Revision, RunningJob
from entrepot.cli.bulk.options import (
    EXIT_CODES,
    Connections,
    add_transfer_options,
    advice,
    finish,
    interruptible,
    new_summary,
    note_names,
)
from entrepot.cli.bulk.run_summary import RunSummary
from entrepot.cli.bulk.user_bucket import BucketPlace, read_place
from entrepot.client.client_errors import UsageError
from entrepot.domain.errors import StoreError

_CONCURRENCY = 10
_JOBS_LOOKED_AT = 200

_DESCRIPTION = f"""\
Fetches the assets of a data set's newest finalized revision into a folder, under paths that are their names,
or into s3://bucket/prefix, under keys that are their names.

Run again, the same command goes on where it was broken off, and skips what is there already: in a folder what
it has fetched itself, still the same by size and checksum; in a bucket objects of the same
size that a job of this exchange has put there. Files appear whole or not at all.

Into a folder each asset comes by a job and a signed URL of its own. From a few hundred assets on, --through
is several times as fast.

{EXIT_CODES}"""


def run(arguments: list[str]) -> int:
    """Fetches; returns the exit code. Raises `EntrepotError`s where it cannot begin or has to give up."""
    options = _parser().parse_args(arguments)
    place = read_place(options.destination)
    if isinstance(place, BucketPlace) and (options.through is not None or options.escape_names):
        raise UsageError("--through and --escape-names are for folders.")
    totals = new_summary("fetch")
    with interruptible(totals), Connections(options) as connections:
        if options.through is not None or isinstance(place, BucketPlace):
            connections.require_s3_keys()
        exchange = connections.exchange
        totals.show("looking")
        data_set = exchange.find_data_set(options.data_set)
        revisions = chosen_revisions(exchange, data_set["Id"], options.revision, every=options.all_revisions)
        with _folder(place, dry_run=options.dry_run) as folder:
            download = _Download(options, place, folder, connections, totals)
            for revision in revisions:
                download.receive(data_set["Id"], revision["Id"])
        ids = [revision["Id"] for revision in revisions]
        summary: dict[str, Any] = {"DataSetId": data_set["Id"]}
        summary |= {"RevisionIds": ids} if options.all_revisions else {"RevisionId": ids[0]}
        if options.dry_run:
            totals.display.close(keep=False)
            summary = {"DryRun": True, **summary}
        by_url = isinstance(place, Path) and options.through is None and not options.dry_run
        summary["Destination"] = str(place)
        return finish(totals, summary, advice(totals, "assets") if by_url else "")


def _parser() -> Parser:
    parser = Parser("fetch", _DESCRIPTION)
    data_set = "the id of a data set, or its name if only one has it"
    parser.add_argument("data_set", metavar="DATA_SET", help=data_set)
    parser.add_argument("destination", metavar="FOLDER|S3_URL", help="where to fetch it to")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--revision", metavar="ID", help="this revision instead of the newest finalized one")
    which.add_argument(
        "--all-revisions",
        action="store_true",
        help="all finalized ones, each below a folder named for its id",
    )
    parser.add_argument(
        "--escape-names",
        action="store_true",
        help="for a folder: write what cannot be in a path as a URL would have it, such as %%2F for the "
        "second of two slashes in a row",
    )
    add_transfer_options(
        parser,
        through_help="for a folder: export to this place in a bucket first and download from there, a "
        "hundred assets a job; the objects are removed again",
    )
    return parser


@contextmanager
def _folder(place: BucketPlace | Path, *, dry_run: bool) -> Iterator[ReceivingFolder | None]:
    if isinstance(place, BucketPlace):
        yield None
    else:
        with ReceivingFolder.look_at(place) if dry_run else ReceivingFolder.open(place) as folder:
            yield folder


@dataclass(frozen=True, slots=True)
class _Download:
    options: argparse.Namespace
    place: BucketPlace | Path
    folder: ReceivingFolder | None
    connections: Connections
    totals: RunSummary

    def receive(self, data_set_id: str, revision_id: str) -> None:
        """Fetches one revision. Raises `EntrepotError`s where it gives up; else `totals` has failures."""
        totals = self.totals
        totals.show("looking")
        assets, others = remote_assets(self.connections.exchange.assets(data_set_id, revision_id))
        totals.assets += len(assets) + len(others)
        totals.bytes += sum(asset.size_bytes for asset in assets)
        for name, reason in others:
            totals.fail(name, reason)
        waypoint = self._waypoint()
        destination = self._destination(revision_id, waypoint)
        revision = Revision(data_set_id, revision_id, self.connections.exchange, totals)
        if not self.options.dry_run:
            self._end_former_run(revision, destination)
        plan = destination.plan(self.connections.exchange, revision_id, assets)
        for name, reason in plan.refused:
            totals.fail(name, reason)
        totals.skip(len(plan.there), sum(one.asset.size_bytes for one in plan.there))
        if self.options.dry_run:
            self._tell(revision_id, plan)
            return
        self._runner(revision, destination).run(destination.tasks(revision, plan))
        if waypoint is not None:
            self._clean(waypoint)

    def _waypoint(self) -> Waypoint | None:
        """A prefix of this folder alone, for whatever revision."""
        through: BucketPlace | None = self.options.through
        if through is None or not isinstance(self.place, Path):
            return None
        folder = f"{platform.node()}:{self.place.resolve()}"
        token = hashlib.sha256(folder.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        bucket = self.connections.bucket(through.bucket)
        return Waypoint(bucket, through.below("entrepot-fetch").below(token).prefix)

    def _destination(self, revision_id: str, waypoint: Waypoint | None) -> Destination:
        place, each_below = self.place, bool(self.options.all_revisions)
        if isinstance(place, BucketPlace):
            bucket = self.connections.bucket(place.bucket)
            return BucketDestination(bucket, place.below(revision_id) if each_below else place)
        if self.folder is None:
            raise AssertionError("a folder is opened before it is fetched into")
        return FolderDestination(
            self.folder,
            waypoint or self.connections.signed_urls(),
            below=f"{revision_id}/" if each_below else "",
            escape=self.options.escape_names,
            folds_case=folds_case(str(place)),
        )

    def _runner(self, revision: Revision, destination: Destination) -> JobRunner:
        return JobRunner(
            self.connections.exchange,
            revision.id,
            self.totals,
            concurrency=self.options.concurrency or _CONCURRENCY,
            threads=destination.threads,
            doing="exporting" if self.folder is None else "fetching",
        )

    def _end_former_run(self, revision: Revision, destination: Destination) -> None:
        """Ends jobs of a former run that write to this place, or might; looks at the newest only."""
        if not destination.outlives_a_run:
            return
        running = [
            RunningJob(job["Id"])
            for job in islice(
                self.connections.exchange.jobs(data_set_id=revision.data_set_id), _JOBS_LOOKED_AT
            )
            if destination.is_written_by(job)
            and (
                job["State"] == "IN_PROGRESS"
                # On the way to a folder only this command writes: a request of that run may start it yet.
                or (
                    job["State"] == "WAITING"
                    and self.folder
                    and not self.connections.exchange.cancel_job(job["Id"])
                )
            )
        ]
        if running:
            self.totals.note(f"fetch: waiting for {len(running)} jobs of a former run")
            self._runner(revision, destination).run(running)

    def _tell(self, revision_id: str, plan: Plan) -> None:
        size_bytes = sum(one.asset.size_bytes for one in plan.missing)
        self.totals.note(
            f"fetch: would fetch {len(plan.missing):,} assets, {size_bytes:,} bytes, of revision "
            f"{revision_id} to {self.place}; {len(plan.there):,} are there already."
        )
        note_names(self.totals, "would fetch", [one.where for one in plan.missing])

    def _clean(self, waypoint: Waypoint) -> None:
        try:
            waypoint.bucket.delete([one.key for one in waypoint.bucket.objects(waypoint.prefix)])
        except StoreError as error:
            self.totals.note(f"fetch: exported objects are left in the bucket: {error.message}")
