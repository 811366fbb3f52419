"""What may be a key: the rule that holds in every store."""

from __future__ import annotations

from entrepot.domain.errors import InvalidStoreRequest

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
