"""The parts that an object was uploaded in, as the endpoint tells them: its ETag is made of their MD5s."""

from __future__ import annotations

import re

from entrepot.domain.errors import InvalidStoreRequest, StoreAccessDenied
from entrepot.stores.s3_client import S3Client, S3Request
from entrepot.stores.s3_headers import etag_in

_MULTIPART_ETAG = re.compile(r"[0-9a-f]{32}-([1-9][0-9]{0,4})", re.ASCII)


def part_sizes(
    client: S3Client, bucket: str, key: str, etag: str, size_bytes: int, *, each: bool
) -> tuple[int, ...] | None:
    """See `ObjectStore.part_sizes`. An endpoint that refuses the question, or knows none, gives None."""
    match = _MULTIPART_ETAG.fullmatch(etag)
    if match is None:
        return None
    count = int(match[1])

    def size_of(number: int) -> int | None:
        query = (("partNumber", str(number)),)
        reply = client.call(S3Request("HeadObject", "HEAD", bucket, key, query))
        # Compared here and not asked for as a condition: not all servers know their own ETags again.
        same = etag_in(reply.headers) == etag
        told = reply.headers.get("x-amz-mp-parts-count") == match[1]
        return reply.announced_length if same and told else None

    try:
        first = size_of(1)
        if first is None:
            return None
        last = size_bytes - first * (count - 1)
        if count == 1 or (not each and 0 < last == size_of(count)):
            sizes = [first] * (count - 1) + [last]
        else:
            sizes = [first, *(size_of(number) or 0 for number in range(2, count + 1))]
    except (InvalidStoreRequest, StoreAccessDenied):
        return None
    return tuple(sizes) if sum(sizes) == size_bytes else None
