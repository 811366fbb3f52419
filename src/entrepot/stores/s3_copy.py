"""Copies that the endpoint makes itself: CopyObject, and UploadPartCopy for what is too large for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote

from entrepot.domain.errors import ObjectChanged, ObjectNotFound, StoreError
from entrepot.domain.job import Encryption, UploadedPart
from entrepot.stores import s3_xml
from entrepot.stores.s3_client import S3Client, S3Request
from entrepot.stores.s3_errors import object_name
from entrepot.stores.s3_headers import Headers, encryption_headers, encryption_in, quoted
from entrepot.stores.s3_uploads import Uploads, nonsense
from entrepot.stores.s3_xml import NotXml
from entrepot.stores.store import Stored

_PARALLEL_PARTS = 4
_KEPT = ("cache-control", "content-disposition", "content-encoding", "content-language", "content-type")
"""Besides x-amz-meta-*: what CopyObject keeps by itself and a multipart copy must be told."""


@dataclass(frozen=True, slots=True)
class CopyLimits:
    """Where one request ends and parts begin, in bytes."""

    largest_copy: int = 5 * 1024**3
    """Amazon S3's own limit for CopyObject."""
    part: int = 512 * 1024**2


@dataclass(frozen=True, slots=True)
class Copy:
    source_bucket: str
    source_key: str
    bucket: str
    key: str
    size_bytes: int
    if_match: str | None
    encryption: Encryption | None

    @property
    def source_headers(self) -> Headers:
        name = ("x-amz-copy-source", f"/{self.source_bucket}/{quote(self.source_key, safe='/-_.~')}")
        return (name, ("x-amz-copy-source-if-match", quoted(self.if_match))) if self.if_match else (name,)


def copy(client: S3Client, job: Copy, limits: CopyLimits) -> Stored:
    """Makes the copy; what is wrong with the source is an error that names the source.

    Crash: before the answer the key may or may not hold the copy, even 12 s after this process died; a second
    copy puts the same bytes there. A multipart copy leaves its parts to the bucket's clean-up rule.
    """
    try:
        return (
            _whole(client, job) if job.size_bytes <= limits.largest_copy else _in_parts(client, job, limits)
        )
    except (ObjectNotFound, ObjectChanged) as error:
        source = object_name(job.source_bucket, job.source_key)
        raise type(error)(
            f"{error.message} It was to be copied from {source}.",
            bucket=job.source_bucket,
            key=job.source_key,
        ) from error


def _whole(client: S3Client, job: Copy) -> Stored:
    """CopyObject. No checksum is asked for: some servers read all the bytes once more to give one."""
    reply = client.call(
        S3Request(
            "CopyObject",
            "PUT",
            job.bucket,
            job.key,
            (),
            (
                *job.source_headers,
                ("x-amz-metadata-directive", "COPY"),
                *encryption_headers(job.encryption),
            ),
        )
    )
    try:
        root = s3_xml.parse(reply.body)
        etag = s3_xml.etag_of(s3_xml.required(root, "ETag"))
    except NotXml as error:
        raise nonsense(client, "CopyObject", job.bucket, job.key, error) from error
    return Stored(etag, s3_xml.checksum_in(root), encryption_in(reply.headers))


def _in_parts(client: S3Client, job: Copy, limits: CopyLimits) -> Stored:
    uploads = Uploads(client, job.bucket)
    upload_id = uploads.begin(job.key, job.encryption, _metadata(client, job))
    source = job.source_headers

    def send(number: int) -> UploadedPart:
        first = (number - 1) * limits.part
        return uploads.copy(
            job.key, upload_id, number, source, first, min(limits.part, job.size_bytes - first)
        )

    try:
        return uploads.finish(job.key, upload_id, _in_parallel(send, -(-job.size_bytes // limits.part)))
    except StoreError:
        uploads.abort(job.key, upload_id)
        raise


def _in_parallel(send: Callable[[int], UploadedPart], count: int) -> list[UploadedPart]:
    with ThreadPoolExecutor(_PARALLEL_PARTS, thread_name_prefix="copy-part") as threads:
        try:
            return list(threads.map(send, range(1, count + 1)))
        except StoreError:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _metadata(client: S3Client, job: Copy) -> Headers:
    headers = client.call(S3Request("HeadObject", "HEAD", job.source_bucket, job.source_key)).headers
    return tuple(
        (name, value) for name, value in headers.items() if name in _KEPT or name.startswith("x-amz-meta-")
    )
