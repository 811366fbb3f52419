"""Objects as old programs put them: without any checksum, so that their ETag alone tells of their bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Request


def put_plain(store: S3Store, key: str, data: bytes) -> None:
    """One PUT; the ETag is the MD5."""
    whole = store.whole_key(key)
    request = S3Request("PutObject", "PUT", store.bucket, whole, (), (), memoryview(data), len(data))
    answer = store.client.call(request)
    assert answer.headers["etag"] == f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
    assert store.head(key).checksum is None


def put_in_parts(store: S3Store, key: str, parts: Sequence[bytes]) -> None:
    """One upload of these parts; the ETag is made of their MD5s."""
    whole = store.whole_key(key)
    call = store.client.call
    begun = call(S3Request("CreateMultipartUpload", "POST", store.bucket, whole, (("uploads", ""),)))
    match = re.search(rb"<UploadId>(.*?)</UploadId>", begun.body)
    assert match is not None
    upload_id = match[1].decode()
    entries = ""
    for number, part in enumerate(parts, 1):
        query = (("partNumber", str(number)), ("uploadId", upload_id))
        sent = call(
            S3Request("UploadPart", "PUT", store.bucket, whole, query, (), memoryview(part), len(part))
        )
        entries += f"<Part><PartNumber>{number}</PartNumber><ETag>{sent.headers['etag']}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{entries}</CompleteMultipartUpload>".encode()
    query = (("uploadId", upload_id),)
    call(
        S3Request(
            "CompleteMultipartUpload", "POST", store.bucket, whole, query, (), memoryview(body), len(body)
        )
    )
    info = store.head(key)
    assert (info.checksum, info.etag.rpartition("-")[2]) == (None, str(len(parts)))
