"""Bytes: import and export beside `rclone copy` and `s5cmd cp`, between buckets of one S3 server, in one run.

Two roads. *Streaming*: the bytes pass through the program (rclone with `--disable Copy`, Entrepot with
ENTREPOT_SERVER_SIDE_COPY=false). *Server-side*: the S3 server copies by itself (what all of them do by
default where they can). The exchange keeps its assets in a bucket of the same server, so an import and an
export each move the same bytes as the peers do.
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.measuring import children, peak_mebibytes, table
from bench.objects import Load, aws_client, check, fill, key, new_bucket, rclone, remove_bucket, s5cmd
from entrepot.testing import RunningServer, S3Server, running_entrepot, running_seaweedfs

SOURCES_PER_JOB = 100
JOBS_AT_ONCE = 10
POLL_SECONDS = 0.25
"""Ten boto3 clients that ask more often take a core of the two from the servers they ask."""


LOADS = (
    Load("10,000 x 4 KiB", 10_000, 4096),
    Load("1,000 x 1 MiB", 1_000, 1 << 20),
    Load("2 x 1 GiB", 2, 1 << 30),
)


def run(folder: Path, quick: bool) -> str:
    """Every load by both roads; the peers and Entrepot take turns within each."""
    loads = [Load(f"a tenth of {load.name}", max(1, load.count // 10), load.size_bytes) for load in LOADS]
    rows: list[list[object]] = []
    with running_seaweedfs(folder / "s3") as storage:
        for load in loads if quick else LOADS:
            source = new_bucket(storage)
            fill(storage, source, load, folder)
            for server_side in (False, True):
                rows.extend(_one(folder, storage, source, load, server_side))
            remove_bucket(storage, source)
    head = ["load", "road", "program", "s", "objects/s", "MB/s", "x rclone", "worker peak MiB"]
    return table(head, rows)


def _one(
    folder: Path, storage: S3Server, source: str, load: Load, server_side: bool
) -> Iterator[list[object]]:
    seconds: dict[str, tuple[float, float | str]] = {}
    with ExitStack() as stack:
        kept, target, rclone_target, s5cmd_target = (new_bucket(storage) for _ in range(4))
        exchange = stack.enter_context(exchange_on(folder, storage, kept, server_side=server_side))
        with _timed(seconds, "rclone copy"):
            rclone(
                storage, f"s:{source}", f"s:{rclone_target}", *(() if server_side else ("--disable", "Copy"))
            )
        if server_side:
            with _timed(seconds, "s5cmd cp"):
                s5cmd(storage, "cp", f"s3://{source}/*", f"s3://{s5cmd_target}/")
        client: Any = aws_client(
            "dataexchange", exchange.url, exchange.access_key_id, exchange.secret_access_key
        )
        place, memory = _revision(client), _worker_memory(exchange)
        with _timed(seconds, "entrepot import", memory):
            _import(client, place, source, load)
        with _timed(seconds, "entrepot export", memory):
            _export(client, place, target)
        client.close()
        check(storage, target, load)
        for bucket in (kept, target, rclone_target, s5cmd_target):
            remove_bucket(storage, bucket)
    total = load.count * load.size_bytes / 1e6
    for name, (taken, peak) in seconds.items():
        ratio = seconds["rclone copy"][0] / taken
        road = "server-side" if server_side else "streaming"
        yield [load.name, road, name, taken, load.count / taken, total / taken, ratio, peak]


@contextmanager
def _timed(
    seconds: dict[str, tuple[float, float | str]], name: str, memory: Callable[[], float] | None = None
) -> Iterator[None]:
    os.sync()  # nobody pays for what another one has left to be written
    began = time.perf_counter()
    yield
    seconds[name] = (time.perf_counter() - began, memory() if memory else "")
    print(f"  {name}: {seconds[name][0]:.1f} s", file=sys.stderr, flush=True)


@contextmanager
def exchange_on(folder: Path, storage: S3Server, kept: str, *, server_side: bool) -> Iterator[RunningServer]:
    """An exchange that keeps its assets in the bucket `kept`, with a job worker a core, ready to work."""
    environ = {
        "AWS_ACCESS_KEY_ID": storage.access_key_id,
        "AWS_SECRET_ACCESS_KEY": storage.secret_access_key,
        "ENTREPOT_SERVER_SIDE_COPY": "true" if server_side else "false",
    }
    arguments = ["--s3-endpoint-url", storage.endpoint_url, "--store", f"s3://{kept}/kept"]
    arguments += ["--job-workers", str(os.cpu_count() or 1)]  # one a core, as docs/running.md advises
    with running_entrepot(folder / secrets.token_hex(4), arguments=arguments, environ=environ) as running:
        _wait_until_ready(f"{running.url}/readyz")
        yield running


def _wait_until_ready(url: str) -> None:
    """Until the worker is there: the API answers a second earlier."""
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            time.sleep(0.05)
        else:
            return


def _worker_memory(exchange: RunningServer) -> Callable[[], float]:
    return lambda: max((peak_mebibytes(pid) for pid in children(exchange.pid)), default=0.0)


def _revision(client: Any) -> dict[str, str]:
    data_set = client.create_data_set(AssetType="S3_SNAPSHOT", Name="Bench", Description="Bench")
    return {"DataSetId": data_set["Id"], "RevisionId": client.create_revision(DataSetId=data_set["Id"])["Id"]}


def _import(client: Any, place: dict[str, str], source: str, load: Load) -> None:
    """As many jobs at once as the service allows, as a provider's own script would."""
    keys = sorted(key(number) for number in range(load.count))  # as a listing gives them
    chunks = [keys[start : start + SOURCES_PER_JOB] for start in range(0, len(keys), SOURCES_PER_JOB)]
    gate = threading.Semaphore(JOBS_AT_ONCE)
    failures: list[str] = []

    def one(chunk: list[str]) -> None:
        sources = [{"Bucket": source, "Key": key} for key in chunk]
        details = {"ImportAssetsFromS3": {"AssetSources": sources, **place}}
        with gate:
            try:
                _finish(client, client.create_job(Type="IMPORT_ASSETS_FROM_S3", Details=details)["Id"])
            except Exception as error:  # noqa: BLE001 - told below, by the thread that waits for all
                failures.append(str(error))

    threads = [threading.Thread(target=one, args=(chunk,)) for chunk in chunks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(failures[0])


def _export(client: Any, place: dict[str, str], target: str) -> None:
    destinations = [{"RevisionId": place["RevisionId"], "Bucket": target}]
    details = {"DataSetId": place["DataSetId"], "RevisionDestinations": destinations}
    job = client.create_job(Type="EXPORT_REVISIONS_TO_S3", Details={"ExportRevisionsToS3": details})
    _finish(client, job["Id"])


def _finish(client: Any, job_id: str) -> None:
    client.start_job(JobId=job_id)
    while (job := client.get_job(JobId=job_id))["State"] in {"WAITING", "IN_PROGRESS"}:
        time.sleep(POLL_SECONDS)
    if job["State"] != "COMPLETED":
        raise RuntimeError(f"{job['State']}: {job.get('Errors')}")
