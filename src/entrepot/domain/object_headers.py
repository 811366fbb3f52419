"""Side data: the headers of an object that belong to an asset and go wherever its bytes go.

Everything else that S3 keeps beside an object stays with whoever has it: tags, user metadata
(`x-amz-meta-*`), storage class, encryption, access control, redirects, locks, `Expires`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

MOST_BYTES = 2048
"""Of names and values together, in ASCII (Amazon S3 user guide, "Working with object metadata")."""
_VALUE = re.compile(r"[\x20-\x7e]+")
_NO_CODING = "aws-chunked"


@dataclass(frozen=True, slots=True)
class ObjectHeaders:
    """`Content-Type` and its like; None where nothing is known, which is not to be told to anybody.

    Each value is visible ASCII, and all of them together are what S3 takes: see `of`.
    """

    content_type: str | None = None
    content_encoding: str | None = None
    """What the stored bytes are encoded with, such as `gzip`: nobody here decodes them."""
    content_language: str | None = None
    content_disposition: str | None = None
    """What a client saves the object as, if its owner says so; it goes before the name of the asset."""
    cache_control: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Self:
        """What the headers of a request or an answer, by names in small letters, say of an object.

        As S3 does, `aws-chunked` is taken out of Content-Encoding: it says how a body was sent. A value that
        S3 would not take is left out: one with control characters or beyond ASCII, and what makes all of
        them, in the order of the fields, longer than `MOST_BYTES`.
        """
        kept: dict[str, str] = {}
        room = MOST_BYTES
        for field, name in _NAMES.items():
            value = headers.get(name, "").strip()
            if name == "content-encoding" and _NO_CODING in value.lower():
                value = without_chunks(value)
            size = len(name) + len(value)
            if size <= room and _VALUE.fullmatch(value):
                kept[field] = value
                room -= size
        return cls(**kept)

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return any(getattr(self, field) is not None for field in _NAMES)

    def named(self) -> tuple[tuple[str, str], ...]:
        """The headers that are known, by their names in small letters."""
        values = ((name, getattr(self, field)) for field, name in _NAMES.items())
        return tuple((name, value) for name, value in values if value is not None)


_NAMES = {field.name: field.name.replace("_", "-") for field in fields(ObjectHeaders)}
OBJECT_HEADER_NAMES = tuple(_NAMES.values())
"""In small letters, in the order in which `ObjectHeaders.of` keeps them."""
NO_HEADERS = ObjectHeaders()


def refused_value(headers: Mapping[str, str]) -> str | None:
    """The name of the first of these headers that has a value which S3 would not take; else None.

    All of them together may still be longer than `MOST_BYTES`.
    """
    for name in OBJECT_HEADER_NAMES:
        value = headers.get(name, "").strip()
        if value and _VALUE.fullmatch(value) is None:
            return name
    return None


def without_chunks(value: str) -> str:
    """A Content-Encoding without `aws-chunked`, which says how a body was sent and not what it is."""
    codings = (coding.strip() for coding in value.split(","))
    return ", ".join(coding for coding in codings if coding and coding.lower() != _NO_CODING)
