"""Multipart uploads (begin, send, finish, abort, list parts), and copies made by the endpoint."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from urllib.parse import quote

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import ObjectChanged, ObjectNotFound, StoreError, StoreUnavailable, TargetChanged
from entrepot.domain.job import Encryption, UploadedPart
from entrepot.domain.object_headers import NO_HEADERS, ObjectHeaders
from entrepot.stores import s3_xml
from entrepot.stores.checksum import CRC64NVME, checksum_of, combined_checksum
from entrepot.stores.s3_client import S3Client, S3Request
from entrepot.stores.s3_errors import object_name
from entrepot.stores.s3_headers import (
    Headers,
    carries_more,
    checksum_headers,
    checksum_in,
    encryption_headers,
    encryption_in,
    etag_in,
    quoted,
    required_etag,
)
from entrepot.stores.s3_xml import NotXml
from entrepot.stores.store import LARGEST_COPY_BYTES, CopyWatch, Stored


class Uploads:
    """The multipart uploads of one bucket; keys are whole keys, a store's prefix included."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def begin(self, key: str, encryption: Encryption | None, headers: ObjectHeaders = NO_HEADERS) -> str:
        """CreateMultipartUpload; its parts will carry CRC64NVME and so will the whole."""
        reply = self._client.call(
            S3Request(
                "CreateMultipartUpload",
                "POST",
                self._bucket,
                key,
                (("uploads", ""),),
                (
                    ("x-amz-checksum-algorithm", CRC64NVME),
                    ("x-amz-checksum-type", "FULL_OBJECT"),
                    *encryption_headers(encryption),
                    *headers.named(),
                ),
            )
        )
        try:
            return s3_xml.required(s3_xml.parse(reply.body), "UploadId")
        except NotXml as error:
            raise self._nonsense("CreateMultipartUpload", key, error) from error

    def send(
        self, key: str, upload_id: str, number: int, data: memoryview, checksum: Checksum | None
    ) -> UploadedPart:
        sent = checksum or checksum_of(data)
        reply = self._client.call(
            S3Request(
                "UploadPart",
                "PUT",
                self._bucket,
                key,
                (("partNumber", str(number)), ("uploadId", upload_id)),
                checksum_headers(sent),
                data,
                len(data),
            )
        )
        what = f"UploadPart of {object_name(self._bucket, key)} at {self._client.endpoint_name}"
        etag = required_etag(reply.headers, what, self._bucket, key)
        return UploadedPart(number, len(data), etag, checksum_in(reply.headers))

    def copy(
        self, key: str, upload_id: str, number: int, source: Headers, first: int, size_bytes: int
    ) -> UploadedPart:
        """UploadPartCopy of `size_bytes` from byte `first` of the object that the headers `source` name."""
        reply = self._client.call(
            S3Request(
                "UploadPartCopy",
                "PUT",
                self._bucket,
                key,
                (("partNumber", str(number)), ("uploadId", upload_id)),
                (*source, ("x-amz-copy-source-range", f"bytes={first}-{first + size_bytes - 1}")),
            )
        )
        try:
            root = s3_xml.parse(reply.body)
            etag = s3_xml.required_etag(root)
        except NotXml as error:
            raise self._nonsense("UploadPartCopy", key, error) from error
        return UploadedPart(number, size_bytes, etag, s3_xml.checksum_in(root))

    def finish(
        self, key: str, upload_id: str, parts: Sequence[UploadedPart], condition: Headers = ()
    ) -> Stored:
        """CompleteMultipartUpload; where all parts have a CRC64NVME the server proves that of the whole."""
        ordered = sorted(parts, key=lambda part: part.number)
        whole = combined_checksum(ordered) if ordered else None
        proof: Headers = ()
        if whole is not None:
            proof = (*checksum_headers(whole), ("x-amz-checksum-type", "FULL_OBJECT"))
        body = s3_xml.complete_upload(ordered)
        reply = self._client.call(
            S3Request(
                "CompleteMultipartUpload",
                "POST",
                self._bucket,
                key,
                (("uploadId", upload_id),),
                (("content-type", "application/xml"), *proof, *condition),
                memoryview(body),
                len(body),
            )
        )
        try:
            root = s3_xml.parse(reply.body)
            etag = s3_xml.required_etag(root)
        except NotXml as error:
            raise self._nonsense("CompleteMultipartUpload", key, error) from error
        reported = s3_xml.checksum_in(root) or checksum_in(reply.headers)
        return Stored(etag, reported, encryption_in(reply.headers))

    def abort(self, key: str, upload_id: str) -> None:
        try:
            self._client.call(
                S3Request("AbortMultipartUpload", "DELETE", self._bucket, key, (("uploadId", upload_id),))
            )
        except ObjectNotFound:
            return

    def parts(self, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
        found: list[UploadedPart] = []
        marker = 0
        while True:
            query = (("part-number-marker", str(marker)), ("uploadId", upload_id))
            reply = self._client.call(S3Request("ListParts", "GET", self._bucket, key, query))
            try:
                root = s3_xml.parse(reply.body)
                page = s3_xml.listed_parts(root)
                found.extend(page)
                before, marker = marker, max([marker, *(part.number for part in page)])
                if not s3_xml.is_truncated(root):
                    return tuple(found)
                if marker == before:
                    raise NotXml("it goes on, and does not get on")
            except ValueError as error:
                raise self._nonsense("ListParts", key, error) from error

    def unfinished(self, prefix: str) -> list[tuple[str, str]]:
        """ListMultipartUploads: key and id of each upload whose key begins with the prefix.

        An answer that names another key is taken for damaged on the way: none of it can be believed.
        """
        found: list[tuple[str, str]] = []
        markers: Headers = ()
        while True:
            query = tuple(sorted((("prefix", prefix), ("uploads", ""), *markers)))
            reply = self._client.call(S3Request("ListMultipartUploads", "GET", self._bucket, None, query))
            try:
                root = s3_xml.parse(reply.body)
                found += [
                    (_below(prefix, s3_xml.required(one, "Key")), s3_xml.required(one, "UploadId"))
                    for one in root.findall("Upload")
                ]
                if not s3_xml.is_truncated(root):
                    return found
                before, markers = (
                    markers,
                    (
                        ("key-marker", s3_xml.required(root, "NextKeyMarker")),
                        ("upload-id-marker", s3_xml.required(root, "NextUploadIdMarker")),
                    ),
                )
                if markers == before:
                    raise NotXml("it goes on, and does not get on")
            except ValueError as error:
                raise self._nonsense("ListMultipartUploads", None, error) from error

    def _nonsense(self, operation: str, key: str | None, error: ValueError) -> StoreUnavailable:
        return nonsense(self._client, operation, self._bucket, key, error)


def _below(prefix: str, key: str) -> str:
    if not key.startswith(prefix):
        raise NotXml(f"it names {key!r}, which does not begin with {prefix!r}")
    return key


def nonsense(
    client: S3Client, operation: str, bucket: str, key: str | None, error: ValueError
) -> StoreUnavailable:
    """The error for an answer that is a success and yet not what S3 answers."""
    return StoreUnavailable(
        f"{operation} at {client.endpoint_name}, bucket {bucket}, was answered in a way that S3 does not: "
        f"{error}. Check that the endpoint is an S3 service.",
        bucket=bucket,
        key=key,
    )


_LOG = logging.getLogger(__name__)
_PARALLEL_PARTS = 4
_NOTHING_ELSE: Headers = (
    ("x-amz-metadata-directive", "REPLACE"),
    ("x-amz-tagging-directive", "REPLACE"),
    ("x-amz-storage-class", "STANDARD"),
)
"""A copy has what it is told to have. The class is what S3 gives a copy; one server gives it the source's."""


@dataclass(frozen=True, slots=True)
class CopyLimits:
    """Where one request ends and parts begin, in bytes."""

    largest_copy: int = LARGEST_COPY_BYTES
    part: int = 512 * 1024**2
    streamed: int = 16 * 1024**2
    """Up to here it is better streamed than copied in parts, where it is not to be copied whole."""
    most_parts: int = 10_000
    """S3's limit for one upload."""

    def part_of(self, size_bytes: int) -> int:
        """The size of all parts but the last: `part`, or as many whole MiB as make the parts few enough."""
        needed = -(-size_bytes // self.most_parts)
        return max(self.part, -(-needed // 1024**2) * 1024**2)


@dataclass(frozen=True, slots=True)
class Copy:
    source_bucket: str
    source_key: str
    bucket: str
    key: str
    size_bytes: int
    if_match: str | None
    encryption: Encryption | None
    headers: ObjectHeaders | None
    """None: the source has to be asked."""
    condition: Headers = ()
    """On what the copy replaces."""

    @property
    def source_headers(self) -> Headers:
        name = ("x-amz-copy-source", f"/{self.source_bucket}/{quote(self.source_key, safe='/-_.~')}")
        return (name, ("x-amz-copy-source-if-match", quoted(self.if_match))) if self.if_match else (name,)


def make_copy(
    client: S3Client, job: Copy, limits: CopyLimits, watch: CopyWatch | None = None
) -> Stored | None:
    """Makes the copy; what is wrong with the source is an error that names the source.

    None where the endpoint takes the source for another than it is: it compares ETags otherwise than it
    writes them, so that nothing can be pinned in a copy. And where a small source carries more than its
    headers: an upload has what it is given, in parts as well, but whether a server copies no tags because it
    was told so, nobody knows. Raises `TargetChanged` where the condition does not hold.

    Crash: before the answer the key may or may not hold the copy, even 12 s after this process died; a second
    copy puts the same bytes there. Of a multipart copy `watch` was told the upload, whose parts stay.
    """
    try:
        headers, bare = (job.headers, True) if job.headers is not None else _beside(client, job)
        if not bare and job.size_bytes <= limits.streamed:
            return None
        whole = bare and job.size_bytes <= limits.largest_copy
        stored = _whole(client, job, headers) if whole else _in_parts(client, job, headers, limits, watch)
        return replace(stored, headers=headers)
    except (ObjectNotFound, ObjectChanged) as error:
        if isinstance(error, ObjectChanged) and _is_as_pinned(client, job):
            if job.condition:
                raise TargetChanged(error.message, bucket=job.bucket, key=job.key) from error
            return None
        source = object_name(job.source_bucket, job.source_key)
        raise type(error)(
            f"{error.message} It was to be copied from {source}.",
            bucket=job.source_bucket,
            key=job.source_key,
        ) from error


def _is_as_pinned(client: S3Client, job: Copy) -> bool:
    try:
        reply = client.call(S3Request("HeadObject", "HEAD", job.source_bucket, job.source_key))
    except StoreError:
        return False
    return etag_in(reply.headers) == job.if_match


def _beside(client: S3Client, job: Copy) -> tuple[ObjectHeaders, bool]:
    """The headers of the source, and whether it carries nothing else."""
    told = client.call(S3Request("HeadObject", "HEAD", job.source_bucket, job.source_key)).headers
    return ObjectHeaders.of(told), not carries_more(told)


def _whole(client: S3Client, job: Copy, headers: ObjectHeaders) -> Stored:
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
                *_NOTHING_ELSE,
                *headers.named(),
                *encryption_headers(job.encryption),
                *job.condition,
            ),
        )
    )
    try:
        root = s3_xml.parse(reply.body)
        etag = s3_xml.required_etag(root)
    except NotXml as error:
        raise nonsense(client, "CopyObject", job.bucket, job.key, error) from error
    return Stored(etag, s3_xml.checksum_in(root), encryption_in(reply.headers))


def _in_parts(
    client: S3Client, job: Copy, headers: ObjectHeaders, limits: CopyLimits, watch: CopyWatch | None
) -> Stored:
    """Whatever ends the copy early, the parts under way are waited for, and then the upload is aborted."""
    uploads = Uploads(client, job.bucket)
    if watch is not None:
        watch.check()
    upload_id = uploads.begin(job.key, job.encryption, headers)
    source = job.source_headers
    part = limits.part_of(job.size_bytes)

    def send(number: int) -> UploadedPart:
        if watch is not None:
            watch.check()
        first = (number - 1) * part
        return uploads.copy(job.key, upload_id, number, source, first, min(part, job.size_bytes - first))

    try:
        if watch is not None:
            watch.begun(upload_id)
        parts = _in_parallel(send, -(-job.size_bytes // part))
        if watch is not None:
            watch.check()
        return uploads.finish(job.key, upload_id, parts, job.condition)
    except BaseException:
        _throw_away(uploads, job.key, upload_id)
        raise


def _throw_away(uploads: Uploads, key: str, upload_id: str) -> None:
    try:
        uploads.abort(key, upload_id)
    except StoreError as error:
        _LOG.warning("The upload of a copy could not be aborted and stays as an orphan: %s", error.message)


def _in_parallel(send: Callable[[int], UploadedPart], count: int) -> list[UploadedPart]:
    with ThreadPoolExecutor(_PARALLEL_PARTS, thread_name_prefix="copy-part") as threads:
        try:
            return list(threads.map(send, range(1, count + 1)))
        except BaseException:
            threads.shutdown(wait=True, cancel_futures=True)
            raise
