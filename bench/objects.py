"""Buckets and folders for the benchmarks: made, filled, emptied, looked at, and copied by the peers."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from entrepot.testing import S3Server

BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Load:
    """So many objects of one size."""

    name: str
    count: int
    size_bytes: int


def aws_client(service: str, url: str, access_key_id: str, secret_access_key: str) -> Any:
    """A boto3 client for one of the two servers."""
    keys = {"aws_access_key_id": access_key_id, "aws_secret_access_key": secret_access_key}
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", **keys)


def s3_client(storage: S3Server) -> Any:
    """A boto3 client of the S3 server."""
    return aws_client("s3", storage.endpoint_url, storage.access_key_id, storage.secret_access_key)


def new_bucket(storage: S3Server) -> str:
    """The name of a bucket that was made."""
    name = f"bench-{secrets.token_hex(6)}"
    s3 = s3_client(storage)
    s3.create_bucket(Bucket=name)
    s3.close()
    return name


def remove_bucket(storage: S3Server, bucket: str) -> None:
    """Removes a bucket with all that is in it."""
    if any(objects(storage, bucket)):
        s5cmd(storage, "rm", f"s3://{bucket}/*")
    s3 = s3_client(storage)
    s3.delete_bucket(Bucket=bucket)
    s3.close()


def objects(storage: S3Server, bucket: str) -> Iterator[tuple[str, int]]:
    """Keys and sizes of a bucket's objects."""
    s3 = s3_client(storage)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from ((entry["Key"], entry["Size"]) for entry in page.get("Contents", ()))
    s3.close()


def check(storage: S3Server, bucket: str, load: Load) -> None:
    """Raises `RuntimeError` unless the bucket holds the load, whole."""
    found = dict(objects(storage, bucket))
    if found != {key(number): load.size_bytes for number in range(load.count)}:
        raise RuntimeError(f"{bucket} holds {len(found)} objects, not the {load.count} that were exported")


def key(number: int) -> str:
    """The key of one object of a load."""
    return f"folder-{number % 100:02d}/object-{number:05d}.bin"


def fill_folder(folder: Path, load: Load) -> None:
    """Makes the files of a load."""
    block = secrets.token_bytes(min(load.size_bytes, 1 << 20))
    for number in range(load.count):
        path = folder / key(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as opened:
            for _ in range(max(1, load.size_bytes // len(block))):
                opened.write(block)


def fill(storage: S3Server, bucket: str, load: Load, folder: Path) -> None:
    """Makes the objects of a load."""
    local = folder / "load"
    fill_folder(local, load)
    s5cmd(storage, "cp", f"{local}/", f"s3://{bucket}/")
    shutil.rmtree(local)


def s5cmd(storage: S3Server, *arguments: str) -> None:
    """Runs s5cmd on the server."""
    keys = {"AWS_ACCESS_KEY_ID": storage.access_key_id, "AWS_SECRET_ACCESS_KEY": storage.secret_access_key}
    command = [str(BIN / "s5cmd"), "--endpoint-url", storage.endpoint_url, "--log", "error", *arguments]
    environ = dict(os.environ) | keys | {"AWS_REGION": "us-east-1"}
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)


def rclone(storage: S3Server, source: str, target: str, *options: str) -> None:
    """Runs `rclone copy`, sixteen at a time; `s:bucket` is a bucket of the server, anything else a folder."""
    program = shutil.which("rclone")
    if program is None:
        raise RuntimeError("rclone is not installed (Debian: apt-get install rclone)")
    settings = {
        "TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": storage.endpoint_url, "REGION": "us-east-1",
        "ACCESS_KEY_ID": storage.access_key_id, "SECRET_ACCESS_KEY": storage.secret_access_key,
    }  # fmt: skip
    # An AWS_CA_BUNDLE of this machine would stop rclone before it begins.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environ = plain | {f"RCLONE_CONFIG_S_{name}": value for name, value in settings.items()}
    command = [program, "--config", "", "copy", source, target, "--transfers", "16", "--checkers", "16"]
    subprocess.run([*command, *options], env=environ, check=True)
