"""Assets: what a revision holds. Only jobs make them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import ValidationFailed
from entrepot.domain.object_headers import NO_HEADERS, ObjectHeaders
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

MAX_NAME_BYTES = 1024
"""Of UTF-8: as long as a key of S3, since an imported asset is named for its key; an index of PostgreSQL
cannot hold much more either [G]."""


def require_asset_name(name: str, member: str) -> None:
    """Raises `ValidationFailed` unless an asset may have this name; `member` is what the request calls it."""
    size_bytes = len(name.encode())
    if not 1 <= size_bytes <= MAX_NAME_BYTES:
        raise ValidationFailed(
            f"{member} has {size_bytes:,} bytes of UTF-8; an asset's name has 1 to {MAX_NAME_BYTES:,}."
        )


@dataclass(frozen=True, slots=True)
class Checksum:
    """A checksum with the name S3 gives its algorithm (`CRC64NVME`, `SHA256`, …) and its base64 text."""

    algorithm: str
    value: str


class Proof(StrEnum):
    """What showed that the bytes of an asset are those of its source. The database keeps these words."""

    CHECKSUM = "CHECKSUM"
    """The source is known by a checksum, or by an MD5 that its owner gave."""
    ETAG = "ETAG"
    """The source's ETag is the MD5 of the bytes, or that of its parts."""
    READ_TWICE = "READ_TWICE"
    """Nothing to compare with; two readings gave the same bytes."""
    NONE = "NONE"
    """Nothing to compare with, and read only once."""


class UnprovenSources(StrEnum):
    """What an import does with an object that neither a checksum nor an ETag proves."""

    ALLOW = "allow"
    VERIFY = "verify"
    """It is read twice."""
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Asset:
    """One asset as an account sees it: a file that the exchange keeps (`S3_SNAPSHOT`), or a live thing."""

    scope: Scope
    """Of its ARN: the owner's; without account where it is entitled."""
    data_set_id: str
    revision_id: str
    id: str
    asset_type: AssetType
    name: str
    created_at: Timestamp
    updated_at: Timestamp
    size_bytes: int
    store_key: str
    """Where the bytes lie in the exchange's own store; empty where a live asset has none."""
    store_etag: str
    """The ETag the store gave them; what reads them pins it."""
    checksum: Checksum | None
    """Computed while the bytes streamed through, or read once after a server-side copy. Absent on assets that
    an earlier version copied so."""
    details_json: bytes | None = None
    """Of a live asset: `AssetDetails` in the form of the wire, as the job that made it wrote them. What
    depends on who looks (an alias, a download URL) is not in it."""
    source_id: str | None = None
    """The owned asset behind an entitled one; only its owner is told."""
    proof: Proof | None = None
    """None for a live asset, and for one that an earlier version imported."""
    verified_at: Timestamp | None = None
    """When its stored bytes were last read and found right."""
    damaged_at: Timestamp | None = None
    """When they were found to be other than recorded: such an asset is served to nobody."""
    headers: ObjectHeaders = NO_HEADERS
    """What goes with the bytes; empty where nothing is known, as of all that an earlier version imported."""
