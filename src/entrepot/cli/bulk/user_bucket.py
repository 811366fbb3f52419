"""The user's own buckets, named `s3://bucket/prefix`, which `publish` and `fetch` read and write."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from entrepot.client.client_errors import ClientConfigurationError, ProfileNotFound, UsageError
from entrepot.domain.errors import StoreAccessDenied, StoreError
from entrepot.domain.job import UploadedPart
from entrepot.stores.credentials import ChainCredentials, CredentialSource, StaticCredentials
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client, S3Request
from entrepot.stores.s3_xml import escaped, parse, required
from entrepot.stores.store import ListedObject, Reader

_SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """`s3://bucket/prefix`: the objects whose keys begin with the prefix, as a folder holds its files."""

    bucket: str
    prefix: str
    """Empty, or with a slash at its end."""

    def __str__(self) -> str:
        return f"{_SCHEME}{self.bucket}/{self.prefix}"

    def below(self, name: str) -> BucketPlace:
        return BucketPlace(self.bucket, f"{self.prefix}{name}/")


def read_place(text: str) -> BucketPlace | Path:
    """A folder or a bucket, by what the text looks like. Raises `UsageError`."""
    if not text:
        raise UsageError("An empty text names neither a folder nor s3://bucket/prefix.")
    if text.startswith(_SCHEME):
        return read_bucket_place(text)
    return Path(text)


def read_bucket_place(text: str) -> BucketPlace:
    """`s3://bucket` or `s3://bucket/prefix`, with or without a slash at its end. Raises `UsageError`."""
    bucket, _, prefix = text.removeprefix(_SCHEME).partition("/")
    if not text.startswith(_SCHEME) or not bucket:
        raise UsageError(f"{text!r} does not have the form s3://bucket/prefix.")
    try:
        prefix.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{text!r} is not valid Unicode text, as keys of objects are.") from error
    return BucketPlace(bucket, prefix if not prefix or prefix.endswith("/") else f"{prefix}/")


DELETED_AT_ONCE = 1000
_PAGE = 1000
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_PART_BYTES = 8 * 1024 * 1024
"""What one thread has in memory at most; smaller files go in one piece."""
_MOST_PARTS = 10_000


class NoS3Keys(ClientConfigurationError):
    """There are no keys for the user's own buckets on this machine."""


def s3_credentials(profile: str | None, environ: Mapping[str, str]) -> CredentialSource:
    """Finds keys for S3. Keys in the environment are taken at once: the whole chain takes 0.2 s.

    Raises `NoS3Keys` where there are none, and `ProfileNotFound`.
    """
    access_key_id = environ.get("AWS_ACCESS_KEY_ID")
    secret_access_key = environ.get("AWS_SECRET_ACCESS_KEY")
    if profile is None and access_key_id and secret_access_key:
        return StaticCredentials(access_key_id, secret_access_key, environ.get("AWS_SESSION_TOKEN"))
    chain = ChainCredentials(profile)
    try:
        chain.get()
    except StoreAccessDenied as error:
        from botocore.exceptions import ProfileNotFound as Unknown

        if isinstance(error.__cause__, Unknown):
            raise ProfileNotFound(str(error.__cause__.kwargs["profile"])) from error
        reason = f": {error.__cause__}" if error.__cause__ is not None else ""
        raise NoS3Keys(
            f"This program finds no keys for your buckets{reason}. Set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY here, or name a profile that has them with --s3-profile."
        ) from error
    return chain


class Bucket:
    """The objects of one bucket. Several threads may use one; failures are `StoreError`s."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self.name = bucket
        self._client = client
        self._store = S3Store(client, bucket)

    def close(self) -> None:
        self._client.close()

    def objects(self, prefix: str, *, after: str = "") -> Iterator[ListedObject]:
        """Lists all objects below the prefix whose keys come after that one, in the order of their keys."""
        while True:
            page = self._store.list(prefix, after=after, limit=_PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].key

    def etags(self, keys: Sequence[str]) -> dict[str, str]:
        """The ETag of each of these objects that is there, by a list from the first to the last."""
        wanted, last, found = set(keys), max(keys), dict[str, str]()
        for one in self.objects("", after=min(keys)[:-1]):
            if one.key in wanted:
                found[one.key] = one.etag
            if one.key >= last:
                break
        return found

    def put_file(
        self, key: str, path: str, size_bytes: int, on_bytes: Callable[[int], None]
    ) -> tuple[bytes, str]:
        """Uploads a file, a large one in parts; returns the MD5 of what was sent, and the object's ETag.

        Raises `StoreError`, `OSError`, and `FileShrank` where there are fewer bytes than `size_bytes`.
        """
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            if size_bytes <= _PART_BYTES:
                data = memoryview(bytearray(size_bytes))
                _fill(file.readinto, data)
                etag = self._store.put(key, data, size_bytes).etag
                on_bytes(size_bytes)
                return hashlib.md5(data, usedforsecurity=False).digest(), etag
            return self._put_parts(key, file.readinto, size_bytes, on_bytes)

    def _put_parts(
        self,
        key: str,
        readinto: Callable[[memoryview], int | None],
        size_bytes: int,
        on_bytes: Callable[[int], None],
    ) -> tuple[bytes, str]:
        digest = hashlib.md5(usedforsecurity=False)
        part_bytes = max(_PART_BYTES, -(-size_bytes // _MOST_PARTS))
        buffer = memoryview(bytearray(part_bytes))
        upload_id = self._store.begin_upload(key)
        try:
            parts: list[UploadedPart] = []
            position = 0
            while position < size_bytes:
                data = buffer[: min(part_bytes, size_bytes - position)]
                _fill(readinto, data)
                digest.update(data)
                parts.append(self._store.upload_part(key, upload_id, len(parts) + 1, data))
                position += len(data)
                on_bytes(position)
            etag = self._store.finish_upload(key, upload_id, parts).etag
        except BaseException:
            self._store.abort_upload(key, upload_id)
            raise
        return digest.digest(), etag

    def uploads(self, prefix: str) -> list[tuple[str, str]]:
        """Key and id of each unfinished upload in parts."""
        return list(self._store.unfinished_uploads(prefix))

    def require_writable(self, key: str) -> None:
        """Begins an upload and throws it away. Raises a `StoreError` where the user may not write there."""
        self._store.abort_upload(key, self._store.begin_upload(key))

    def abort_upload(self, key: str, upload_id: str) -> None:
        self._store.abort_upload(key, upload_id)

    def open_object(self, key: str) -> Reader:
        """The bytes of an object, taken up again where a connection breaks."""
        return self._store.open(key)

    def delete(self, keys: Sequence[str]) -> None:
        """Removes objects; absent ones are fine. Raises a `StoreError` for one that cannot be removed."""
        writable = [key for key in keys if not _NOT_IN_XML.search(key)]
        alone = sorted(set(keys) - set(writable))
        for start in range(0, len(writable), DELETED_AT_ONCE):
            body = _deletion(writable[start : start + DELETED_AT_ONCE])
            md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
            query, headers = (("delete", ""),), (("content-md5", md5), ("content-type", "application/xml"))
            content = memoryview(body), len(body)
            reply = self._client.call(
                S3Request("DeleteObjects", "POST", self.name, None, query, headers, *content)
            )
            # The answer is a success even where some of it failed; one by one, each says why.
            if b"<Error" in reply.body:
                alone += [required(each, "Key") for each in parse(reply.body).findall("Error")]
        for key in alone:
            self._store.delete(key)


class FileShrank(StoreError):
    """The file ended before its size was reached: it was changed meanwhile."""


def _fill(readinto: Callable[[memoryview], int | None], data: memoryview) -> None:
    filled = 0
    while filled < len(data):
        count = readinto(data[filled:])
        if not count:
            raise FileShrank("the file was made shorter while it was read")
        filled += count


def _deletion(keys: Iterable[str]) -> bytes:
    texts = [escaped(key).replace("\r", "&#13;").replace("\n", "&#10;") for key in keys]
    entries = "".join(f"<Object><Key>{text}</Key></Object>" for text in texts)
    return f"<Delete><Quiet>true</Quiet>{entries}</Delete>".encode()
