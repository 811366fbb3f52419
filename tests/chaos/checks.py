"""What must be true of an exchange once it has come to rest, and what of it is not."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from botocore.exceptions import ClientError
from tests.chaos.work import BUCKETS, OWN, TARGET, Task, export_revision
from tests.functional import flow

from entrepot.stores.local_files import OBJECT_SUFFIX, relative_path

_PREFIX = "exchange/"
_NAMELESS = ("Something unexpected happened", "the server's log says why")
"""What a job says whose error the exchange cannot name."""
_LONG_AGO_SECONDS = 30 * 24 * 60 * 60


def violations_of(exchange: Any, s3: Any, tasks: Iterable[Task]) -> Iterator[str]:
    """What is not as the jobs say."""
    for task in tasks:
        kind = "import" if task.imports else "export"
        if task.state == "ERROR":
            yield from _not_named(task, kind)
        if not task.has_ended:
            yield f"{kind} {task.id} is stuck: {task.state}"
        elif task.imports:
            yield from _wrong_assets(exchange, task)
        elif task.state == "COMPLETED":
            yield from _wrong_objects(s3, task.id, task.brings)


def _not_named(task: Task, kind: str) -> Iterator[str]:
    messages = [error.get("Message", "") for error in task.errors]
    if not messages or any(not message or text in message for message in messages for text in _NAMELESS):
        yield f"{kind} {task.id} failed without a cause: {messages}"


def _wrong_assets(exchange: Any, task: Task) -> Iterator[str]:
    names = sorted(asset["Name"] for asset in flow.assets(exchange, task.place))
    expected = sorted(task.brings) if task.state == "COMPLETED" else []
    if names != expected:
        yield f"import {task.id} is {task.state} and has assets {names} instead of {expected}"


def _wrong_objects(s3: Any, job_id: str, expected: dict[str, str]) -> Iterator[str]:
    for key, digest in expected.items():
        found = _digest_of_object(s3, TARGET, key)
        if found != digest:
            yield f"export {job_id} is COMPLETED and {key} is {'absent' if found is None else 'other bytes'}"


def wrong_exports_of(exchange: Any, s3: Any, imported: Iterable[Task]) -> Iterator[str]:
    """Exports each revision once more, undisturbed, and compares."""
    for task in imported:
        folder = f"verified/{task.id}/"
        job_id = export_revision(exchange, task.place, folder)
        exchange.start_job(JobId=job_id)
        job = flow.finished(exchange, job_id)
        if job["State"] == "COMPLETED":
            wanted = {folder + name: digest for name, digest in task.brings.items()}
            yield from _wrong_objects(s3, job_id, wanted)
        else:
            yield f"what import {task.id} brought cannot be exported: {job.get('Errors')}"


def _digest_of_object(s3: Any, bucket: str, key: str) -> str | None:
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    digest = hashlib.sha256()
    for chunk in body.iter_chunks(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Insides:
    """An exchange's own store and its database, looked at from beside it."""

    database: str
    """The URL of PostgreSQL, or the file of SQLite."""
    local_store: Path | None
    """None: the store is the bucket `own`."""
    temporary: Path
    """The TMPDIR of all processes of the exchange."""
    s3: Any

    def wrong_assets(self, imported: Iterable[Task]) -> Iterator[str]:
        """Reads the bytes of every asset where the exchange keeps them."""
        rows = self._rows("SELECT revision_id, name, store_key, store_etag FROM assets")
        places = {(revision, name): key for revision, name, key, _ in rows}
        for _, name, key, etag in rows:
            if self.local_store is None and etag != (now := self._etag(key)):
                yield f"asset {name} cannot be read by its ETag {etag}: it is {now} ({key})"
        for task in imported:
            for name, digest in task.brings.items():
                key = places.get((task.place["RevisionId"], name))
                found = None if key is None else self._digest(key)
                if found != digest:
                    what = "no bytes" if found is None else "other bytes"
                    yield f"asset {name} of import {task.id} has {what} in the store ({key})"

    def leftovers(self) -> Iterator[str]:
        """What nothing refers to: unknown objects, uploads, temporary files; and garbage not yet deleted."""
        known = {key for (key,) in self._rows("SELECT store_key FROM assets")}
        waiting = {job for (job,) in self._rows("SELECT id FROM jobs WHERE state = 'WAITING'")}
        garbage = {key for (key,) in self._rows("SELECT store_key FROM store_garbage")}
        yield from (f"garbage that is not deleted: {key}" for key in sorted(garbage))
        present = set(self._keys())
        uploads = {key for key in present if key.startswith("uploads/") and key.rpartition("/")[2] in waiting}
        yield from (
            f"unknown object in the store: {key}" for key in sorted(present - known - garbage - uploads)
        )
        for bucket in BUCKETS:
            for upload in self.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
                yield f"upload left in {bucket}: {upload['Key']} {upload['UploadId']} {upload['Initiated']}"
        yield from (f"temporary file left: {path}" for path in self._temporary())

    def age_temporary_files(self) -> None:
        """What is cleared away after some time in a local store is so old now."""
        for path in self._temporary():
            long_ago = time.time() - _LONG_AGO_SECONDS
            os.utime(path, (long_ago, long_ago))

    def _temporary(self) -> list[Path]:
        folders = [self.temporary]
        if self.local_store is not None:
            folders += [self.local_store / name for name in (".temporary", ".uploads")]
        return [path for folder in folders for path in sorted(folder.rglob("*")) if not path.is_symlink()]

    def _keys(self) -> Iterator[str]:
        if self.local_store is not None:
            for path in self.local_store.rglob(f"*{OBJECT_SUFFIX}"):
                yield str(path.relative_to(self.local_store)).removesuffix(OBJECT_SUFFIX)
            return
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=OWN, Prefix=_PREFIX):
            for entry in page.get("Contents", []):
                yield entry["Key"].removeprefix(_PREFIX)

    def _etag(self, key: str) -> str:
        etag: str = self.s3.head_object(Bucket=OWN, Key=_PREFIX + key)["ETag"]
        return etag.strip('"')

    def _digest(self, key: str) -> str | None:
        if self.local_store is None:
            return _digest_of_object(self.s3, OWN, _PREFIX + key)
        path = self.local_store / relative_path(key.encode())
        if not path.exists():
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _rows(self, query: str) -> list[Any]:
        if "://" in self.database:
            with psycopg.connect(self.database) as connection:
                return connection.execute(query.encode()).fetchall()
        file = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            return file.execute(query).fetchall()
        finally:
            file.close()
