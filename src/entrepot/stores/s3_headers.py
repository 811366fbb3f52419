"""What S3 says in headers: encryption, checksums, ETags; written to requests and read from answers."""

from __future__ import annotations

from collections.abc import Mapping

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import InvalidStoreRequest
from entrepot.domain.job import Encryption
from entrepot.stores.checksum import ALGORITHMS, CRC64NVME
from entrepot.stores.s3_xml import etag_of
from entrepot.stores.store import Stored

Headers = tuple[tuple[str, str], ...]

_ENCRYPTION = "x-amz-server-side-encryption"
_ENCRYPTION_KEY = "x-amz-server-side-encryption-aws-kms-key-id"


def encryption_headers(encryption: Encryption | None) -> Headers:
    if encryption is None:
        return ()
    if encryption.kms_key_arn is None:
        return ((_ENCRYPTION, encryption.type),)
    return ((_ENCRYPTION, encryption.type), (_ENCRYPTION_KEY, encryption.kms_key_arn))


def encryption_in(headers: Mapping[str, str]) -> Encryption | None:
    kind = headers.get(_ENCRYPTION)
    return None if kind is None else Encryption(kind, headers.get(_ENCRYPTION_KEY))


def checksum_headers(checksum: Checksum | None) -> Headers:
    """What makes the server verify the bytes; raises `InvalidStoreRequest` where S3 cannot."""
    if checksum is None:
        return ()
    if checksum.algorithm not in ALGORITHMS:
        raise InvalidStoreRequest(f"S3 does not know the checksum {checksum.algorithm!r}: use {CRC64NVME}.")
    return ((f"x-amz-checksum-{checksum.algorithm.lower()}", checksum.value),)


def checksum_in(headers: Mapping[str, str]) -> Checksum | None:
    """The checksum of the whole object or part; None for a checksum of checksums."""
    if headers.get("x-amz-checksum-type", "").upper() == "COMPOSITE":
        return None
    for algorithm in ALGORITHMS:
        value = headers.get(f"x-amz-checksum-{algorithm.lower()}")
        if value and "-" not in value:
            return Checksum(algorithm, value)
    return None


def etag_in(headers: Mapping[str, str]) -> str:
    return etag_of(headers.get("etag", ""))


def stored_in(headers: Mapping[str, str]) -> Stored:
    return Stored(etag_in(headers), checksum_in(headers), encryption_in(headers))


def quoted(etag: str) -> str:
    return f'"{etag}"'
