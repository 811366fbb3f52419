"""Where files come from and go to: a folder of this machine, or the objects of a bucket below a prefix."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from entrepot.client.client_errors import UsageError

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
        """The place one folder further down."""
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
