"""What every object store can do, in one small protocol.

Two places implement it: a local directory (`local.py`) and any S3 endpoint (`s3.py`). All calls block and may
be made from several threads at once. Every failure is a `StoreError` of the domain whose message names the
endpoint or folder, the bucket and the key.

Keys are text of 1 to 1,024 bytes of UTF-8 and never normalised: `a//b`, `dir/` and `f/../g` are three keys.
ETags are opaque and carry no quotes. Sizes and offsets are bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import InvalidStoreRequest
from entrepot.domain.job import Encryption, UploadedPart
from entrepot.domain.object_headers import NO_HEADERS, ObjectHeaders

LARGEST_COPY_BYTES = 5 * 1024**3
"""Amazon S3's limit for one CopyObject; above that a copy is many requests."""
BeforeWrite = Callable[[], None]
"""Called before each write; raises where this process may no longer write, and no store catches that."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store says of an object without reading it."""

    size_bytes: int
    etag: str
    checksum: Checksum | None
    """Of the whole object, where the store keeps one; a checksum of checksums is not one."""
    encryption: Encryption | None
    """What the store reports, None where it reports nothing."""
    headers: ObjectHeaders | None = None
    """What goes with the bytes; None where that was not asked for, as in a listing."""
    carries_more: bool = False
    """Whether the store keeps tags, user metadata and the like of it, too, which stay where they are."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store answered to a write."""

    etag: str
    checksum: Checksum | None
    """What the store itself computed or verified; None where it says nothing."""
    encryption: Encryption | None
    headers: ObjectHeaders | None = None
    """What went with the bytes, where the store has looked that up itself to make a copy."""


@dataclass(frozen=True, slots=True)
class ListedObject:
    key: str
    size_bytes: int
    etag: str


class Reader(Protocol):
    """The bytes of one object, from front to back. Not thread-safe; close it, or use it in a `with`."""

    @property
    def size_bytes(self) -> int:
        """How many bytes this reader gives in all: the length of the range that was asked for."""

    @property
    def etag(self) -> str:
        """The object whose bytes these are."""

    @property
    def headers(self) -> ObjectHeaders:
        """What the store says goes with the bytes."""

    def readinto(self, buffer: memoryview) -> int:
        """Fills the front of `buffer`, possibly only in part; the number of bytes, 0 at the end.

        Raises `StoreUnavailable` where the bytes end before `size_bytes`: what is torn never looks whole.
        """

    def close(self) -> None:
        """Gives back the connection or the file; harmless when repeated."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class CopyWatch(Protocol):
    """Who has a copy made in parts, and may lose interest in it. Called from the threads that copy."""

    def check(self) -> None:
        """Called before each part and before the end; what it raises ends the copy, and its upload."""

    def begun(self, upload_id: str) -> None:
        """The copy's multipart upload has this id."""


class ObjectStore(Protocol):
    """One bucket, or one folder, of objects.

    A bucket keeps the headers that are given with an object, and nothing else beside its bytes; a folder
    keeps the bytes alone.
    """

    @property
    def bucket(self) -> str | None:
        """The bucket's name; None for a local directory."""

    @property
    def is_private_on_the_way(self) -> bool:
        """Whether nobody between can change bytes unnoticed: they come over https, or from a local disk."""

    def require_room(self, size_bytes: int) -> None:
        """Raises `StoreFull` where it is known beforehand that there is no room for so many more bytes."""

    def replacing(self, etag: str) -> ObjectStore:
        """The same objects, where a write replaces the one with this ETag alone; "" means that there is none.

        Put, finished and copied then raises `TargetChanged` where something else lies there. Stores that
        cannot compare write all the same.
        """

    def head(self, key: str) -> ObjectInfo:
        """What is known of the object; raises `ObjectNotFound`."""

    def open(
        self, key: str, *, offset: int = 0, length: int | None = None, if_match: str | None = None
    ) -> Reader:
        """Opens the bytes from `offset` (`length` of them, or all that follow).

        Raises `ObjectNotFound`; `ObjectChanged` unless the object's ETag is `if_match`; and
        `InvalidStoreRequest` where the range is not inside the object.
        """

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
        """Writes the whole object at once, over whatever was there.

        Crash: the key holds the old object or the new one, never a part; after the return the new one is
        durable.
        Raises `ChecksumMismatch` where the bytes do not have `checksum`; nothing is stored then.
        """

    def begin_upload(
        self, key: str, *, encryption: Encryption | None = None, headers: ObjectHeaders = NO_HEADERS
    ) -> str:
        """Begins a multipart upload; its id stays good across restarts."""

    def upload_part(
        self, key: str, upload_id: str, number: int, data: memoryview, *, checksum: Checksum | None = None
    ) -> UploadedPart:
        """Sends part `number` (from 1); sending one again replaces it. Threads may send parts at once.

        Raises `ObjectNotFound` where the upload is unknown, and `ChecksumMismatch`.
        """

    def finish_upload(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> Stored:
        """Makes the parts one object, over whatever was there.

        Crash: the key holds the old object or the new one; the upload may be gone, then `head` tells which.
        """

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Throws the parts away; an upload that is unknown is fine."""

    def uploaded_parts(self, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
        """The parts the store has, by number; raises `ObjectNotFound` where the upload is unknown."""

    def unfinished_uploads(self, prefix: str) -> Sequence[tuple[str, str]]:
        """Key and id of each upload to a key with the prefix, unless the store clears them away by itself."""

    def part_sizes(
        self, key: str, etag: str, size_bytes: int, *, each: bool = False
    ) -> tuple[int, ...] | None:
        """The sizes of the parts that the object with this ETag was uploaded in; None where nobody tells.

        Unless `each` part is to be asked for, those between the first and the last are taken to be alike
        where that adds up. Raises `ObjectNotFound`.
        """

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
        """Copies without moving the bytes through this process; None: these two stores cannot, so stream.

        `headers` None: those of the source. Of whatever else the source's store keeps beside the bytes the
        copy has nothing.

        Raises `ObjectChanged` unless the source's ETag is `if_match`, and what `watch` raises.
        """

    def delete(self, key: str) -> None:
        """Removes the object; one that is absent is fine."""

    def list(self, prefix: str, *, after: str = "", limit: int = 1000) -> Sequence[ListedObject]:
        """Up to `limit` objects whose keys begin with `prefix` and follow `after`, by UTF-8 bytes."""

    def check(self) -> None:
        """Raises a `StoreError` unless the store can be reached and written to."""


class Presigner(Protocol):
    """A store that can make URLs which need no credentials: S3."""

    def presign_upload(self, key: str, *, content_md5: str | None, expires_in_seconds: int) -> str:
        """A URL to PUT the object to; with `content_md5` (base64) only a request with that header passes."""

    def presign_download(self, key: str, *, expires_in_seconds: int, download_name: str | None = None) -> str:
        """A URL to GET the object from; `download_name` is what a browser saves it as."""


MAXIMUM_KEY_BYTES = 1024
"""Amazon S3 user guide, "Creating object key names"."""


def key_bytes(key: str, bucket: str | None = None) -> bytes:
    """The key in UTF-8; raises `InvalidStoreRequest` where it is empty, too long or not encodable.

    An empty key must never pass: a request for it would be a request for the bucket.
    """
    try:
        encoded = key.encode()
    except UnicodeEncodeError as error:
        raise InvalidStoreRequest(
            f"The key {key!r} is not valid Unicode text; choose another key.", bucket=bucket, key=key
        ) from error
    if not 1 <= len(encoded) <= MAXIMUM_KEY_BYTES:
        raise InvalidStoreRequest(
            f"A key has 1 to {MAXIMUM_KEY_BYTES:,} bytes of UTF-8 and this one has {len(encoded):,}: "
            f"{key[:80]!r}. Choose another key.",
            bucket=bucket,
            key=key,
        )
    return encoded
