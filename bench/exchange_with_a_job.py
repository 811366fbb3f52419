"""An exchange with one job in it, for the benchmarks that ask for a job."""

from __future__ import annotations

import configparser
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from bench.measuring import free_port, server

REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A server that answers, its one account's keys, and the id of the job."""

    command: tuple[str, ...]
    port: int
    pid: int
    access_key_id: str
    secret_access_key: str
    job_id: str

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def exchange_with_a_job(folder: Path) -> Iterator[Exchange]:
    """A server without workers; its job imports ten objects and was never started."""
    port, data_dir = free_port(), folder / "exchange"
    options = ("--port", str(port), "--data-dir", str(data_dir), "--job-workers", "0")
    command = (sys.executable, "-m", "entrepot", "serve", *options)
    url = f"http://127.0.0.1:{port}"
    with server(command, f"{url}/healthz") as started:
        profiles = configparser.ConfigParser()
        profiles.read(data_dir / "aws" / "credentials")
        keys = dict(profiles["entrepot"])
        exchange: Any = boto3.client("dataexchange", endpoint_url=url, region_name=REGION, **keys)
        data_set = exchange.create_data_set(AssetType="S3_SNAPSHOT", Name="Bench", Description="Bench")
        revision = exchange.create_revision(DataSetId=data_set["Id"])
        sources = [{"Bucket": "provider", "Key": f"folder/file-{number}.csv"} for number in range(10)]
        details = {"AssetSources": sources, "DataSetId": data_set["Id"], "RevisionId": revision["Id"]}
        job = exchange.create_job(Type="IMPORT_ASSETS_FROM_S3", Details={"ImportAssetsFromS3": details})
        exchange.close()
        key_id, secret = keys["aws_access_key_id"], keys["aws_secret_access_key"]
        yield Exchange(command, port, started.process.pid, key_id, secret, job["Id"])
