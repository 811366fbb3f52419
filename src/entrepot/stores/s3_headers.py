"""What S3 says in headers: encryption, checksums, ETags; written to requests and read from answers."""

from __future__ import annotations

from collections.abc import Mapping

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import InvalidStoreRequest
from entrepot.domain.job import Encryption
from entrepot.stores.checksum import ALGORITHMS, CRC64NVME
from entrepot.stores.s3_xml import etag_of

Headers = tuple[tuple[str, str], ...]

_MORE = ("expires", "x-amz-website-redirect-location")
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


def carries_more(headers: Mapping[str, str]) -> bool:
    """Whether an answer to GET or HEAD tells of tags, user metadata and the like, which stay with the object.

    Storage class, encryption and locks are not among them: no server copies these without being told to.
    """
    return any(
        (name.startswith(("x-amz-meta-", "x-amz-tagging")) and (name, value) != ("x-amz-tagging-count", "0"))
        or name == "x-amz-missing-meta"
        or name in _MORE
        for name, value in headers.items()
    )


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
    """The ETag, see `etag_of`; empty where there is none."""
    return etag_of(headers.get("etag", ""))


def required_etag(headers: Mapping[str, str], what: str, bucket: str, key: str | None) -> str:
    """The ETag; raises `InvalidStoreRequest` where the answer to `what` has none."""
    etag = etag_in(headers)
    if not etag:
        raise InvalidStoreRequest(
            f"{what} was answered without an ETag, so that nobody can tell whether the object changes while "
            "it is read. Use an endpoint that sends ETags, and have a proxy before it pass them on.",
            bucket=bucket,
            key=key,
        )
    return etag


def quoted(etag: str) -> str:
    return f'"{etag}"'
