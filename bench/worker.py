"""The job worker's process: seconds until it has done a job, its memory, and its CPU idle and per small job.

Another version of Entrepot is measured in turn with this one where `BENCH_BESIDE` names the Python of its
virtual environment.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import boto3

from bench.measuring import free_port, median, resident_mebibytes, server, table

_TICKS = os.sysconf("SC_CLK_TCK")
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One worker's figures."""

    start_seconds: float
    """Until it has done a job that waited."""
    start_cpu_seconds: float
    idle_mebibytes: float
    idle_cpu_ms: float
    """In a second without work."""
    busy_mebibytes: float
    job_cpu_ms: float


def run(folder: Path, quick: bool) -> str:
    """Starts a worker of each version in turn, several times, each on a new exchange with jobs in it."""
    rounds, jobs, idle_seconds = (2, 20, 1.0) if quick else (7, 200, 5.0)
    versions = {"this version": sys.executable}
    if beside := os.environ.get("BENCH_BESIDE"):
        versions = {"beside": beside, **versions}
    seen: dict[str, list[Seen]] = {name: [] for name in versions}
    for number in range(rounds):
        for name, python in versions.items():
            seen[name].append(_round(python, folder / f"{name}-{number}", jobs, idle_seconds))
    rows = [
        [name, *(median([getattr(one, field.name) for one in rounds_of_it]) for field in fields(Seen))]
        for name, rounds_of_it in seen.items()
    ]
    head = ["worker", "first job done, s", "CPU s until then", "MiB, idle", "CPU ms a second, idle"]
    return table([*head, f"MiB, after {jobs} jobs", "CPU ms a job"], rows)


def _round(python: str, folder: Path, jobs: int, idle_seconds: float) -> Seen:
    port = free_port()
    options = ["--port", str(port), "--data-dir", str(folder), "--auth", "trust", "--job-workers", "0"]
    url = f"http://127.0.0.1:{port}"
    with server([python, "-m", "entrepot", "serve", *options], f"{url}/healthz"):
        keys = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "any"}
        exchange: Any = boto3.client("dataexchange", endpoint_url=url, region_name="us-east-1", **keys)
        first, *others = _uploaded(exchange, jobs + 1)
        exchange.start_job(JobId=first)
        began = time.perf_counter()
        with _worker(python, folder) as pid:
            _await(exchange, first)
            start_seconds, start_cpu_seconds = time.perf_counter() - began, _cpu_seconds(pid)
            time.sleep(3)  # until it no longer polls as often as when there was something to do
            idle_mebibytes, before = resident_mebibytes(pid), _cpu_seconds(pid)
            time.sleep(idle_seconds)
            idle_cpu = (_cpu_seconds(pid) - before) / idle_seconds
            before = _cpu_seconds(pid)
            for job_id in others:
                _start(exchange, job_id)
            for job_id in others:
                _await(exchange, job_id)
            job_cpu = (_cpu_seconds(pid) - before) / jobs
            busy_mebibytes = resident_mebibytes(pid)
        exchange.close()
    return Seen(
        start_seconds, start_cpu_seconds, idle_mebibytes, 1e3 * idle_cpu, busy_mebibytes, 1e3 * job_cpu
    )


def _uploaded(exchange: Any, count: int) -> list[str]:
    """Jobs that import one byte each, which has been uploaded; none is started."""
    data_set = exchange.create_data_set(AssetType="S3_SNAPSHOT", Name="Bench", Description="Bench")
    revision = exchange.create_revision(DataSetId=data_set["Id"])
    place = {"DataSetId": data_set["Id"], "RevisionId": revision["Id"]}
    md5 = "DMF1ucDxtqgxw5niaXcmYQ=="  # of the letter a
    ids = []
    for number in range(count):
        details = {"AssetName": f"{number}.csv", "Md5Hash": md5, **place}
        job = exchange.create_job(
            Type="IMPORT_ASSET_FROM_SIGNED_URL", Details={"ImportAssetFromSignedUrl": details}
        )
        url = job["Details"]["ImportAssetFromSignedUrl"]["SignedUrl"]
        upload = urllib.request.Request(url, data=b"a", method="PUT", headers={"Content-MD5": md5})
        urllib.request.urlopen(upload).close()
        ids.append(job["Id"])
    return ids


def _start(exchange: Any, job_id: str) -> None:
    """Waits where as many run already as may run at once."""
    while True:
        try:
            exchange.start_job(JobId=job_id)
        except (exchange.exceptions.ConflictException, exchange.exceptions.ValidationException):
            time.sleep(0.01)
        else:
            return


def _await(exchange: Any, job_id: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (state := exchange.get_job(JobId=job_id)["State"]) != "COMPLETED":
        if state not in {"WAITING", "IN_PROGRESS"} or time.monotonic() > deadline:
            raise RuntimeError(f"job {job_id} is {state}")
        time.sleep(0.005)


@contextlib.contextmanager
def _worker(python: str, folder: Path) -> Iterator[int]:
    environ = {**os.environ, "ENTREPOT_AUTH": "trust"}
    with subprocess.Popen(
        [python, "-m", "entrepot", "worker", "--data-dir", str(folder)],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def _cpu_seconds(pid: int) -> float:
    """What the process has used so far (Linux)."""
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS
