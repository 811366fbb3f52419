"""The jobs of `publish`: objects of a bucket, a hundred a job, or one file a job by its signed URL."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from entrepot.cli.bulk.exchange_calls import Exchange
from entrepot.cli.bulk.failures import ItemFailed
from entrepot.cli.bulk.job_errors import may_pass_again, reason_of, verdict
from entrepot.cli.bulk.job_runner import Task
from entrepot.cli.bulk.run_summary import RunSummary
from entrepot.cli.bulk.signed_urls import FileReader, SignedUrls, UrlRefused
from entrepot.cli.bulk.upload_folder import SourceFile
from entrepot.cli.bulk.upload_journal import Journal, Sent
from entrepot.domain.errors import EntrepotError
from entrepot.stores.store import ListedObject, Reader

SIGNED_URL_BYTES = 5 * 1024**3
"""The most that one upload to a signed URL may have."""
_IN_MEMORY_BYTES = 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_UPLOADS = 3


@dataclass(frozen=True, slots=True)
class Revision:
    """What is being filled, and what everybody who fills it needs."""

    data_set_id: str
    id: str
    exchange: Exchange
    journal: Journal
    totals: RunSummary

    @property
    def place(self) -> dict[str, str]:
        """Data set and revision, as the details of a job name them."""
        return {"DataSetId": self.data_set_id, "RevisionId": self.id}


@dataclass(eq=False, slots=True)
class BucketImport:
    """IMPORT_ASSETS_FROM_S3 of up to a hundred objects."""

    revision: Revision
    bucket: str
    objects: Sequence[ListedObject]
    job_id: str = ""
    is_running: bool = False
    tried_before: bool = False
    assets: int = field(init=False)
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.assets = len(self.objects)
        self.size_bytes = sum(one.size_bytes for one in self.objects)

    def prepare(self) -> None:
        """Makes the job. Crash: it waits for ever, and the next run cancels it."""
        sources = [{"Bucket": self.bucket, "Key": one.key} for one in self.objects]
        details = {"ImportAssetsFromS3": {"AssetSources": sources, **self.revision.place}}
        created = self.revision.exchange.create_job("IMPORT_ASSETS_FROM_S3", details)
        self.revision.journal.note_sent({one.key: Sent(one.size_bytes, one.etag) for one in self.objects})
        self.job_id = created["Id"]

    def complete(self, job: Mapping[str, Any]) -> None:
        """The assets are there."""

    def fail(self, problem: Exception | Mapping[str, Any]) -> Sequence[Task]:
        """One bad object fails the whole job: the others are tried again without it."""
        keys = [one.key for one in self.objects]
        if isinstance(problem, Exception):
            for key in keys:
                self.revision.totals.fail(key, str(problem))
            return ()
        found = verdict(problem, keys, tried_before=self.tried_before)
        for key, reason in found.failed.items():
            self.revision.totals.fail(key, reason)
        by_key = {one.key: one for one in self.objects}
        return [
            BucketImport(self.revision, self.bucket, [by_key[key] for key in part], tried_before=True)
            for part in found.again
        ]


@dataclass(eq=False, slots=True)
class FileImport:
    """IMPORT_ASSET_FROM_SIGNED_URL of one file."""

    revision: Revision
    signed_urls: SignedUrls
    file: SourceFile
    job_id: str = ""
    is_running: bool = False
    tried_before: bool = False
    assets: int = 1
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.size_bytes = self.file.size_bytes

    def prepare(self) -> None:
        """Makes the job and uploads the file; begins anew where the file changes meanwhile.

        Crash: the job waits for ever, and the next run cancels it, or starts it where the upload was whole.
        """
        if self.job_id:  # found by a former run's journal: uploaded, and not started
            return
        for attempt in range(_UPLOADS):
            try:
                self.job_id = self._upload()
            except UrlRefused as refused:
                if attempt + 1 == _UPLOADS or refused.status not in {400, 403}:
                    raise
            except OSError as error:
                raise ItemFailed(f"the file cannot be read: {error.strerror}") from error
            else:
                return

    def _upload(self) -> str:
        path = self.file.path
        status = os.stat(path)  # noqa: PTH116
        self.size_bytes = size_bytes = status.st_size
        if size_bytes > SIGNED_URL_BYTES:
            raise ItemFailed(
                f"{size_bytes:,} bytes are more than the {SIGNED_URL_BYTES:,} (5 GiB) that the exchange "
                "takes by signed URL; give --through s3://bucket/prefix, which takes up to 100 GiB a file"
            )
        data: bytes | None = None
        if size_bytes <= _IN_MEMORY_BYTES:
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                data = file.read()
            self.size_bytes = size_bytes = len(data)
            digest = hashlib.md5(data, usedforsecurity=False).digest()
        else:
            digest = md5_of_file(path)
        md5 = base64.b64encode(digest).decode()
        revision, name = self.revision, self.file.name
        details = {"ImportAssetFromSignedUrl": {"AssetName": name, "Md5Hash": md5, **revision.place}}
        created = revision.exchange.create_job("IMPORT_ASSET_FROM_SIGNED_URL", details)
        job_id: str = created["Id"]

        def body() -> memoryview | Reader:
            if data is not None:
                return memoryview(data)
            return FileReader(path, size_bytes, lambda moved: revision.totals.moving(self, moved))

        try:
            self.signed_urls.put(
                created["Details"]["ImportAssetFromSignedUrl"]["SignedUrl"], body, size_bytes, md5
            )
        except EntrepotError:
            revision.exchange.cancel_job(job_id)
            raise
        revision.journal.note_sent({name: Sent(size_bytes, md5, status.st_mtime_ns)})
        if data is None:
            revision.journal.note_uploaded([job_id])
        return job_id

    def complete(self, job: Mapping[str, Any]) -> None:
        """The asset is there."""

    def fail(self, problem: Exception | Mapping[str, Any]) -> Sequence[Task]:
        """Once more where only the exchange had a problem."""
        if not isinstance(problem, Exception) and may_pass_again(problem) and not self.tried_before:
            return [FileImport(self.revision, self.signed_urls, self.file, tried_before=True)]
        reason = str(problem) if isinstance(problem, Exception) else reason_of(problem)
        self.revision.totals.fail(self.file.name, reason)
        return ()


def md5_of_file(path: str) -> bytes:
    """Of all bytes of a file. Raises `OSError`."""
    digest = hashlib.md5(usedforsecurity=False)
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
    return digest.digest()
