"""`entrepot publish`: a folder, or what is below an S3 prefix, becomes a finalized revision of a data set."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

from entrepot.cli.arguments import Parser
from entrepot.cli.bulk.import_jobs import Staging
from entrepot.cli.bulk.options import (
    EXIT_CODES,
    Connections,
    add_transfer_options,
    advice,
    finish,
    interruptible,
    new_summary,
    note_names,
    positive_number,
    state_folder,
)
from entrepot.cli.bulk.run_summary import RunSummary
from entrepot.cli.bulk.upload import Comparison, Upload, Wishes
from entrepot.cli.bulk.upload_journal import Command, Journal
from entrepot.cli.bulk.upload_sources import BucketSource, FolderSource, Source, StagedFolderSource
from entrepot.cli.bulk.user_bucket import BucketPlace, read_place
from entrepot.cli.client_options import configuration_of, connection_options
from entrepot.cli.terminal_text import printable
from entrepot.client.client_errors import UsageError
from entrepot.client.target import resolve_target
from entrepot.domain.errors import StoreError
from entrepot.domain.job import JobType
from entrepot.domain.limits import CONCURRENT_JOBS, DEFAULT_LIMITS, Limit

_DESCRIPTION = f"""\
Publishes a folder, or what is below s3://bucket/prefix: takes the own data set of that name (or the one of \
--data-set), or makes it, makes a revision, imports everything by as many jobs as it takes, and finalizes it.

Assets are named as the service names them: objects by their keys, files by their paths below the folder.

Run again, on any machine, the same command goes on where it was broken off: what is proven to be there, of \
the same size and bytes, is skipped, everything else is replaced. Files are compared by MD5 and objects by \
ETag, never by time. When the newest finalized revision has the same names and bytes, there is \
nothing to do; else the data set gets a new revision.

Files of a folder go to the exchange by a job and a signed URL each, at most 5 GiB a file. From a few \
hundred files on, --through is several times as fast.

{EXIT_CODES}"""


def run(arguments: list[str]) -> int:
    """Publishes; returns the exit code. Raises `EntrepotError`s where it cannot begin or has to give up."""
    options = _parser().parse_args(arguments)
    place = read_place(options.source)
    if options.through is not None and isinstance(place, BucketPlace):
        raise UsageError("--through is for folders; objects are imported from where they are.")
    totals = new_summary("publish")
    with interruptible(totals), Connections(options) as connections:
        if options.through is not None or isinstance(place, BucketPlace):
            connections.require_s3_keys()
        command = _command(options, place)
        folder = state_folder()
        open_journal = Journal.look_at if options.dry_run else Journal.open
        with open_journal(folder, command) as journal:
            source = _source(options, place, connections, command)
            totals.show("reading what there is")
            source.look()
            upload = Upload(connections.exchange, journal, source, totals, _wishes(options, place, command))
            if options.dry_run:
                return _tell_plan(upload, place)
            if isinstance(source, StagedFolderSource):
                source.take_up(journal)
            upload.run()
            if isinstance(source, StagedFolderSource):
                _clean(source, totals)
            by_url = isinstance(place, Path) and options.through is None
            return finish(totals, _summary(upload), advice(totals, "files") if by_url else "")


def _parser() -> Parser:
    parser = Parser("publish", _DESCRIPTION)
    parser.add_argument("source", metavar="FOLDER|S3_URL", help="what to publish")
    parser.add_argument("--data-set", metavar="ID", help="publish in this data set")
    parser.add_argument(
        "--name",
        help="publish in the own data set of this name, which is made if need be (default: the folder's)",
    )
    parser.add_argument("--description", metavar="TEXT", help="what the data set that is made says of itself")
    parser.add_argument("--comment", metavar="TEXT", help="the comment of the revision")
    parser.add_argument(
        "--tag",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="tags",
        help="a tag of the revision, and of the data set if it is made; may be repeated",
    )
    parser.add_argument("--no-finalize", action="store_true", help="leave the revision open")
    parser.add_argument(
        "--assets-per-revision",
        metavar="NUMBER",
        type=positive_number,
        default=DEFAULT_LIMITS[Limit.ASSETS_PER_REVISION],
        help="the exchange's limit, where it is not the service's own %(default)s",
    )
    add_transfer_options(
        parser,
        through_help="for a folder: upload to this place in a bucket first and import from there, a hundred "
        "files a job and up to 100 GiB a file; what was uploaded is removed again. Without a prefix, which "
        "takes a bucket of its own, it is faster still, as no asset needs to be renamed",
    )
    return parser


def _command(options: argparse.Namespace, place: BucketPlace | Path) -> Command:
    target = resolve_target(configuration_of(options), connection_options(options))
    credentials = target.signing_credentials()
    named = f"a data set named {_name(options, place)}"
    return Command(
        source=str(place if isinstance(place, BucketPlace) else place.resolve()),
        target=f"data set {options.data_set}" if options.data_set else named,
        exchange=f"{target.endpoint_url} {target.region}",
        access_key_id="" if credentials is None else credentials.access_key_id,
        host="" if isinstance(place, BucketPlace) else platform.node(),
    )


def _name(options: argparse.Namespace, place: BucketPlace | Path) -> str:
    if options.name:
        return str(options.name)
    if isinstance(place, BucketPlace):
        return place.prefix.rstrip("/").rpartition("/")[2] or place.bucket
    return place.resolve().name or "root"


def _source(
    options: argparse.Namespace, place: BucketPlace | Path, connections: Connections, command: Command
) -> Source:
    if isinstance(place, BucketPlace):
        return BucketSource(connections.bucket(place.bucket), place)
    if options.through is None:
        return FolderSource(place, connections.signed_urls())
    bucket, prefix = connections.bucket(options.through.bucket), options.through.prefix
    # A prefix of this command alone, so that no objects of others are overwritten or removed.
    root = options.through.below(command.token).prefix if prefix else ""
    return StagedFolderSource(place, Staging(bucket, root, f"{token_hex(4)}/" if prefix else ""))


def _wishes(options: argparse.Namespace, place: BucketPlace | Path, command: Command) -> Wishes:
    by_url = not isinstance(place, BucketPlace) and options.through is None
    job_type = JobType.IMPORT_ASSET_FROM_SIGNED_URL if by_url else JobType.IMPORT_ASSETS_FROM_S3
    name = _name(options, place)
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{printable(name)} is no name in Unicode; give the data set one with --name."
        ) from error
    return Wishes(
        data_set_id=options.data_set,
        name=name,
        description=options.description or f"{name}, published by entrepot.",
        comment=options.comment,
        tags=_tags(options.tags),
        tag=command.tag,
        finalize=not options.no_finalize,
        concurrency=options.concurrency or DEFAULT_LIMITS[CONCURRENT_JOBS[job_type]],
        assets_per_revision=options.assets_per_revision,
    )


def _tags(given: Sequence[str]) -> dict[str, str]:
    tags = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"--tag takes KEY=VALUE, and {text!r} is not of that form.")
        tags[key] = value
    return tags


def _tell_plan(upload: Upload, place: BucketPlace | Path) -> int:
    plan: Comparison = upload.plan()
    totals, sizes, missing = upload.totals, upload.source.sizes, plan.missing
    totals.skip(len(plan.present), sum(sizes[name] for name in plan.present))
    totals.display.close(keep=False)
    size_bytes = sum(sizes[name] for name in missing)
    where = upload.data_set_id or "a new data set"
    which = upload.revision_id or "a new revision"
    totals.note(
        f"publish: would import {len(missing):,} assets, {size_bytes:,} bytes, from {place} into {which} of "
        f"{where}; {len(plan.present):,} are there already, {len(plan.delete):,} would be removed."
    )
    note_names(totals, "would import", missing)
    return finish(totals, {"DryRun": True, **_summary(upload)})


def _clean(source: StagedFolderSource, totals: RunSummary) -> None:
    try:
        source.clean()
    except StoreError as error:
        totals.note(f"publish: uploaded objects are left in the bucket: {error.message}")


def _summary(upload: Upload) -> dict[str, Any]:
    ids = {"DataSetId": upload.data_set_id, "RevisionId": upload.revision_id}
    return {**ids, "Finalized": upload.is_finalized}
