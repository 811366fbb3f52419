"""One bucket of an S3 endpoint as an object store.

Every write carries a checksum, CRC64NVME unless the caller has another; servers that know it refuse bytes
that arrive otherwise. Keys go as they are, behind the store's prefix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import (
    BucketNotFound,
    InvalidStoreRequest,
    ObjectChanged,
    ObjectNotFound,
    StoreError,
    TargetChanged,
)
from entrepot.domain.job import Encryption, UploadedPart
from entrepot.domain.object_headers import NO_HEADERS, ObjectHeaders
from entrepot.http.answer import Answer
from entrepot.stores import s3_xml
from entrepot.stores.checksum import checksum_of
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
from entrepot.stores.s3_parts import part_sizes
from entrepot.stores.s3_reader import S3Reader
from entrepot.stores.s3_uploads import Copy, CopyLimits, Uploads, make_copy, nonsense
from entrepot.stores.s3_xml import NotXml
from entrepot.stores.store import CopyWatch, ListedObject, ObjectInfo, ObjectStore, Reader, Stored, key_bytes

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

_CHECK_KEY = "entrepot-check"
_REGION = re.compile(r"[a-z0-9-]{1,63}")
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_PAGE = 1000
Sent = TypeVar("Sent")

_MOST_EMPTY_PAGES = 100
"""S3 may list a page of nothing where much was deleted, and go on; so often in a row it does not."""


class S3Store:
    """The objects of `bucket` whose keys begin with `prefix`, which callers never see."""

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        prefix: str = "",
        *,
        copy_limits: CopyLimits | None = None,
        condition: Headers = (),
    ) -> None:
        self.client = client
        self._bucket = bucket
        self._prefix = prefix
        self._uploads = Uploads(client, bucket)
        self._copy_limits = copy_limits or CopyLimits()
        self._condition = condition
        """Of writes."""

    @property
    def bucket(self) -> str:
        return self._bucket

    @property
    def is_private_on_the_way(self) -> bool:
        return not self.client.endpoint_name.lower().startswith("http:")

    @property
    def prefix(self) -> str:
        """What the keys of these objects begin with in the bucket."""
        return self._prefix

    def require_room(self, size_bytes: int) -> None:
        """S3 tells when it is full, and never before."""

    def replacing(self, etag: str) -> S3Store:
        """By If-None-Match and If-Match; an endpoint that refuses these headers gets them no more."""
        condition = ("if-match", quoted(etag)) if etag else ("if-none-match", "*")
        return S3Store(
            self.client, self._bucket, self._prefix, copy_limits=self._copy_limits, condition=(condition,)
        )

    def head(self, key: str) -> ObjectInfo:
        """HeadObject; where neither status nor body tells key from bucket, one more request finds out."""
        whole = self.whole_key(key)
        try:
            reply = self._call("HeadObject", "HEAD", whole, headers=(("x-amz-checksum-mode", "ENABLED"),))
        except ObjectNotFound as error:
            raise self._what_is_missing(error) from error
        headers = reply.headers
        return ObjectInfo(
            self._announced(reply, whole),
            self._etag(reply, "HeadObject", whole),
            checksum_in(headers),
            encryption_in(headers),
            ObjectHeaders.of(headers),
            carries_more(headers),
        )

    def open(
        self, key: str, *, offset: int = 0, length: int | None = None, if_match: str | None = None
    ) -> Reader:
        """GetObject, pinned to `if_match`; see `S3Reader` for what happens when a connection breaks."""
        whole = self.whole_key(key)
        if length == 0:
            return self._open_nothing(whole, offset, if_match)
        last = "" if length is None else str(offset + length - 1)
        ranged = offset > 0 or length is not None
        answer = self._get(whole, f"bytes={offset}-{last}" if ranged else None, if_match)
        etag = etag_in(answer.headers)
        size = self._size_of(answer, whole, offset if ranged else None)
        if length is not None and size < length:
            answer.close()
            raise self._outside(whole, offset, length)
        size = size if length is None else length

        def resume(position: int) -> Answer:
            rest = self._get(whole, f"bytes={offset + position}-{offset + size - 1}", etag)
            self._size_of(rest, whole, offset + position)
            return rest

        return S3Reader(answer, size, etag, resume, object_name(self._bucket, whole))

    def put(
        self,
        key: str,
        body: memoryview | Reader,
        size_bytes: int,
        *,
        encryption: Encryption | None = None,
        checksum: Checksum | None = None,
        headers: ObjectHeaders = NO_HEADERS,
    ) -> Stored:
        """PutObject. A `Reader` is sent once: a failure is not retried, and the checksum is the caller's.

        Crash: S3 shows an object only when all of it has arrived.
        """
        if isinstance(body, memoryview):
            size_bytes = len(body)
            checksum = checksum or checksum_of(body)
        sent = (*headers.named(), *checksum_headers(checksum), *encryption_headers(encryption))
        whole = self.whole_key(key)

        def send(condition: Headers) -> Answer:
            together = (*sent, *condition)
            return self.client.call(
                S3Request("PutObject", "PUT", self._bucket, whole, (), together, body, size_bytes)
            )

        reply = self._on_condition(whole, send)
        etag = self._etag(reply, "PutObject", whole)
        return Stored(etag, checksum_in(reply.headers), encryption_in(reply.headers))

    def begin_upload(
        self, key: str, *, encryption: Encryption | None = None, headers: ObjectHeaders = NO_HEADERS
    ) -> str:
        """CreateMultipartUpload. Crash: an upload whose id was not recorded is left to the bucket's rules."""
        return self._uploads.begin(self.whole_key(key), encryption, headers)

    def upload_part(
        self, key: str, upload_id: str, number: int, data: memoryview, *, checksum: Checksum | None = None
    ) -> UploadedPart:
        """UploadPart. Crash: the part is there or not, never torn; sending it again is harmless."""
        return self._uploads.send(self.whole_key(key), upload_id, number, data, checksum)

    def finish_upload(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> Stored:
        """CompleteMultipartUpload.

        Crash: the object is there whole or not at all. If it is there, finishing once more raises
        `ObjectNotFound` for the upload.
        """
        whole = self.whole_key(key)
        return self._on_condition(
            whole, lambda condition: self._uploads.finish(whole, upload_id, parts, condition)
        )

    def abort_upload(self, key: str, upload_id: str) -> None:
        self._uploads.abort(self.whole_key(key), upload_id)

    def uploaded_parts(self, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
        return self._uploads.parts(self.whole_key(key), upload_id)

    def unfinished_uploads(self, prefix: str) -> Sequence[tuple[str, str]]:
        strip = len(self._prefix)
        return [
            (key[strip:], upload_id) for key, upload_id in self._uploads.unfinished(self._prefix + prefix)
        ]

    def part_sizes(
        self, key: str, etag: str, size_bytes: int, *, each: bool = False
    ) -> tuple[int, ...] | None:
        """HeadObject with partNumber, of the first and the last part, or of each."""
        return part_sizes(self.client, self._bucket, self.whole_key(key), etag, size_bytes, each=each)

    def copy_from(  # noqa: PLR0913 - one for each thing that a copy may have
        self,
        source: ObjectStore,
        source_key: str,
        key: str,
        *,
        size_bytes: int,
        if_match: str | None = None,
        encryption: Encryption | None = None,
        watch: CopyWatch | None = None,
        headers: ObjectHeaders | None = None,
    ) -> Stored | None:
        """CopyObject, in parts above 5 GiB; None unless both buckets share endpoint and credentials.

        In parts, too, where the source carries more than is to be copied; None where it is small then.
        """
        if not isinstance(source, S3Store) or not self.client.is_same_service(source.client):
            return None
        whole = self.whole_key(key)
        job = Copy(
            source.bucket,
            source.whole_key(source_key),
            self._bucket,
            whole,
            size_bytes,
            if_match,
            encryption,
            headers,
        )
        return self._on_condition(
            whole,
            lambda condition: make_copy(
                self.client, replace(job, condition=condition), self._copy_limits, watch
            ),
        )

    def delete(self, key: str) -> None:
        """DeleteObject; one that is absent is fine."""
        try:
            self._call("DeleteObject", "DELETE", self.whole_key(key))
        except ObjectNotFound:
            return

    def list(self, prefix: str, *, after: str = "", limit: int = _PAGE) -> Sequence[ListedObject]:
        found: list[ListedObject] = []
        token: str | None = None
        after = self._prefix + after if after else ""
        empty_pages = 0
        while len(found) < limit:
            query = [
                ("encoding-type", "url"),
                ("list-type", "2"),
                ("max-keys", str(min(_PAGE, limit - len(found)))),
                ("prefix", self._prefix + prefix),
            ]
            if token is not None:
                query.append(("continuation-token", token))
            elif after:
                query.append(("start-after", after))
            reply = self._call("ListObjectsV2", "GET", None, query=tuple(query))
            try:
                root = s3_xml.parse(reply.body)
                page = s3_xml.listed_objects(root)
                empty_pages = 0 if page else empty_pages + 1
                if empty_pages > _MOST_EMPTY_PAGES:
                    raise NotXml("it goes on, and lists nothing")
            except ValueError as error:
                raise nonsense(self.client, "ListObjectsV2", self._bucket, None, error) from error
            strip = len(self._prefix)
            found.extend(ListedObject(each.key[strip:], each.size_bytes, each.etag) for each in page)
            if not s3_xml.is_truncated(root):
                break
            token, after = self._next_page(root, page, token, after)
        return found[:limit]

    def _next_page(
        self, root: ET.Element, page: Sequence[ListedObject], token: str | None, after: str
    ) -> tuple[str | None, str]:
        """Where a listing goes on: at the token that the page names, or else behind its last key."""
        following = root.findtext("NextContinuationToken")
        if following and following != token:
            return following, after
        last = page[-1].key if page else ""
        if last.encode() <= after.encode():
            error = NotXml("it goes on, and does not get on")
            raise nonsense(self.client, "ListObjectsV2", self._bucket, None, error)
        return None, last

    def check(self) -> None:
        """Writes and removes one empty object, always the same: that proves address and rights."""
        self.put(_CHECK_KEY, memoryview(b""), 0)
        self.delete(_CHECK_KEY)

    def presign_upload(self, key: str, *, content_md5: str | None, expires_in_seconds: int) -> str:
        """A URL for one PUT; with `content_md5` the header must be sent, and S3 compares the body with it."""
        headers: Headers = () if content_md5 is None else (("content-md5", content_md5),)
        request = S3Request("PutObject", "PUT", self._bucket, self.whole_key(key), (), headers)
        return self.client.presign(request, expires_in_seconds=expires_in_seconds)

    def presign_download(self, key: str, *, expires_in_seconds: int, download_name: str | None = None) -> str:
        """A URL for GET; `download_name` goes into the Content-Disposition of the answer (RFC 6266)."""
        query: Headers = ()
        if download_name is not None:
            disposition = f"attachment; filename*=UTF-8''{quote(download_name, safe='')}"
            query = (("response-content-disposition", disposition),)
        request = S3Request("GetObject", "GET", self._bucket, self.whole_key(key), query)
        return self.client.presign(request, expires_in_seconds=expires_in_seconds)

    def whole_key(self, key: str) -> str:
        """The key as the bucket has it; raises `InvalidStoreRequest` where it is none."""
        whole = self._prefix + key
        key_bytes(key, self._bucket)
        key_bytes(whole, self._bucket)
        return whole

    def _on_condition(self, whole_key: str, send: Callable[[Headers], Sent]) -> Sent:
        if not self._condition or not self.client.compares_targets:
            return send(())
        try:
            return send(self._condition)
        except (ObjectChanged, ObjectNotFound) as error:  # S3 does not find what If-Match is about
            if (error.bucket, error.key) != (self._bucket, whole_key):
                raise  # it is about the source of a copy
            raise TargetChanged(error.message, bucket=self._bucket, key=whole_key) from error
        except InvalidStoreRequest:
            sent = send(())
            self.client.compares_targets = False
            return sent

    def _call(
        self, operation: str, method: str, key: str | None, *, query: Headers = (), headers: Headers = ()
    ) -> Answer:
        return self.client.call(S3Request(operation, method, self._bucket, key, query, headers))

    def _get(self, whole_key: str, byte_range: str | None, if_match: str | None) -> Answer:
        headers: Headers = () if byte_range is None else (("range", byte_range),)
        request = S3Request("GetObject", "GET", self._bucket, whole_key, (), headers)
        return self._pinned(self.client.stream, request, if_match)

    def _pinned(self, send: Callable[[S3Request], Answer], request: S3Request, pin: str | None) -> Answer:
        """Asks for the object with this ETag; raises `ObjectChanged` where the ETag is another.

        Some endpoints compare ETags otherwise than they write them, which are bare or weak then, and some do
        not compare at all: so what an answer says of itself decides. Raises `InvalidStoreRequest` where it
        says nothing.
        """
        try:
            answer = send(
                request
                if pin is None
                else replace(request, headers=(*request.headers, ("if-match", quoted(pin))))
            )
        except ObjectChanged as changed:
            try:
                answer = send(request)
            except StoreError:
                raise changed from None
        try:
            etag = self._etag(answer, request.operation, request.key)
            if pin is not None and etag != pin:
                raise ObjectChanged(
                    f"{object_name(self._bucket, request.key)} at {self.client.endpoint_name} is no longer "
                    f"the object that was pinned (ETag {pin}, now {etag}): begin again with the new one.",
                    bucket=self._bucket,
                    key=request.key,
                )
        except StoreError:
            answer.close()
            raise
        return answer

    def _size_of(self, answer: Answer, whole_key: str, first: int | None) -> int:
        """How many bytes there are from byte `first` on, which must be the first of the answer.

        The answer may have fewer: it is a range, or breaks off.
        """
        if first is not None:
            match = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
            if answer.status != 206 or match is None or int(match[1]) != first:
                answer.close()
                raise InvalidStoreRequest(
                    f"{self.client.endpoint_name} does not answer for a range of "
                    f"{object_name(self._bucket, whole_key)}; use an S3 service that can.",
                    bucket=self._bucket,
                    key=whole_key,
                )
            return (int(match[2]) + 1 if match[3] == "*" else int(match[3])) - first
        if answer.length is not None:
            return answer.length
        try:  # chunked: the size is told elsewhere, and may be that of another version
            return self._announced(self._pinned_head(whole_key, etag_in(answer.headers)), whole_key)
        except BaseException:
            answer.close()
            raise

    def _pinned_head(self, whole_key: str, if_match: str | None) -> Answer:
        request = S3Request("HeadObject", "HEAD", self._bucket, whole_key)
        return self._pinned(self.client.call, request, if_match)

    def _announced(self, reply: Answer, whole_key: str) -> int:
        """The size that an answer to HeadObject tells."""
        if reply.announced_length is None:
            raise InvalidStoreRequest(
                f"{self._asked('HeadObject', whole_key)} was answered without a Content-Length, so that "
                "nobody can tell how long the object is. Use an endpoint that says it, and have a proxy "
                "before it pass it on.",
                bucket=self._bucket,
                key=whole_key,
            )
        return reply.announced_length

    def _etag(self, answer: Answer, operation: str, whole_key: str | None) -> str:
        return required_etag(answer.headers, self._asked(operation, whole_key), self._bucket, whole_key)

    def _asked(self, operation: str, whole_key: str | None) -> str:
        return f"{operation} of {object_name(self._bucket, whole_key)} at {self.client.endpoint_name}"

    def _open_nothing(self, whole_key: str, offset: int, if_match: str | None) -> Reader:
        try:
            reply = self._pinned_head(whole_key, if_match)
        except ObjectNotFound as error:
            raise self._what_is_missing(error) from error
        if offset > self._announced(reply, whole_key):
            raise self._outside(whole_key, offset, 0)
        return S3Reader(None, 0, etag_in(reply.headers), self._no_bytes, "")

    def _no_bytes(self, position: int) -> Answer:
        raise AssertionError(f"nothing is to be read at {position}")

    def _outside(self, whole_key: str, offset: int, length: int) -> InvalidStoreRequest:
        return InvalidStoreRequest(
            f"{length:,} bytes from byte {offset:,} are not all inside "
            f"{object_name(self._bucket, whole_key)}.",
            bucket=self._bucket,
            key=whole_key,
        )

    def region(self) -> str | None:
        """The Region of the bucket, as its server says; None where it says none, or does not answer."""
        try:
            named = self._call("HeadBucket", "HEAD", None).headers.get("x-amz-bucket-region", "")
        except StoreError:
            return None
        return named if _REGION.fullmatch(named) else None

    def _what_is_missing(self, error: ObjectNotFound) -> ObjectNotFound | BucketNotFound:
        try:
            self._call("HeadBucket", "HEAD", None)
        except ObjectNotFound:
            return BucketNotFound(
                f"There is no bucket {self._bucket} at {self.client.endpoint_name}: create it, or mend its "
                "name.",
                bucket=self._bucket,
                key=error.key,
            )
        except StoreError:  # whatever else is wrong, the first answer stands
            return error
        return error
