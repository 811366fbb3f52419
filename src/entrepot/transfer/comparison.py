"""What of the checksums and ETags that stores report can be compared with bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from entrepot.domain.asset import Checksum
from entrepot.domain.job import UploadedPart
from entrepot.stores.checksum import ALGORITHMS

_MD5_ETAG = re.compile(r"[0-9a-f]{32}", re.ASCII)


def of_whole_object(checksum: Checksum | None) -> Checksum | None:
    """The checksum if it is of the bytes and can be computed here; a checksum of checksums (`…-3`) is not."""
    if checksum is None or "-" in checksum.value or checksum.algorithm not in ALGORITHMS:
        return None
    return checksum


def is_md5_of(etag: str, data: memoryview) -> bool:
    """Whether the ETag is the MD5 of the bytes, as S3's is unless KMS encrypts them."""
    if _MD5_ETAG.fullmatch(etag) is None:
        return False
    return hashlib.md5(data, usedforsecurity=False).hexdigest() == etag


def multipart_etag(parts: Sequence[UploadedPart]) -> str | None:
    """The ETag that S3 gives the object made of the parts; None where a part's ETag is no MD5."""
    if not all(_MD5_ETAG.fullmatch(part.etag) for part in parts):
        return None
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
