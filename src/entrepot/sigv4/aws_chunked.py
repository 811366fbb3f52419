"""The `aws-chunked` encoding: a body in chunks, each signed with the signature before it as its seed.

    {hex size}[;chunk-signature={64 hex digits}]\\r\\n{bytes}\\r\\n … 0[;chunk-signature=…]\\r\\n
    [{trailer}:{value}\\r\\n … x-amz-trailer-signature:{64 hex digits}\\r\\n]\\r\\n

Source: AWS, "Signature calculations: transferring payload in multiple chunks" and "… including trailing
headers" (Amazon S3 API reference).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from entrepot.sigv4.arithmetic import EMPTY_PAYLOAD_HASH, SigningKey
from entrepot.sigv4.signature_parameters import CredentialScope, MalformedSignature

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_WITH_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_WITH_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING_PAYLOADS = frozenset({SIGNED, SIGNED_WITH_TRAILER, UNSIGNED_WITH_TRAILER})
"""The values of `x-amz-content-sha256` that announce this encoding."""

_TRAILER_SIGNATURE = "x-amz-trailer-signature"
_MAXIMUM_LINE = 8 * 1024
_MOST_CHUNKS = 4 * 1024
"""Of the 8 KiB that S3 asks for each but the last, in three times the longest body that is taken."""
_MOST_TRAILERS = 100
_HEX_DIGITS = frozenset(b"0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk; the last of a body is empty."""

    data: bytes
    signature: str | None


@dataclass(frozen=True, slots=True)
class ChunkedBody:
    chunks: tuple[Chunk, ...]
    trailers: tuple[tuple[str, str], ...] = ()
    """Lower-case names and values, without the signature."""
    trailer_signature: str | None = None

    @property
    def data(self) -> bytes:
        return b"".join([chunk.data for chunk in self.chunks])


def parse_chunks(body: bytes) -> ChunkedBody:
    """Takes the body apart, checking no signature; raises `MalformedSignature` where it has another form."""
    chunks: list[Chunk] = []
    position = 0
    while True:
        head, position = _line(body, position)
        size, signature = _chunk_head(head)
        if size == 0:
            chunks.append(Chunk(b"", signature))
            return _with_trailers(tuple(chunks), body, position)
        if len(chunks) == _MOST_CHUNKS:
            raise MalformedSignature(f"An aws-chunked body has {_MOST_CHUNKS} chunks at most.")
        end = position + size
        if body[end : end + 2] != b"\r\n":
            raise MalformedSignature("A chunk of the aws-chunked body is shorter or longer than it says.")
        chunks.append(Chunk(body[position:end], signature))
        position = end + 2


def _line(body: bytes, position: int) -> tuple[bytes, int]:
    end = body.find(b"\r\n", position, position + _MAXIMUM_LINE)
    if end < 0:
        raise MalformedSignature("The aws-chunked body ends before its last chunk, or has an endless line.")
    return body[position:end], end + 2


def _chunk_head(line: bytes) -> tuple[int, str | None]:
    size, *extensions = line.split(b";")
    if not 1 <= len(size) <= 15 or not _HEX_DIGITS.issuperset(size):
        raise MalformedSignature(f"{line[:40]!r} is not the head of a chunk of an aws-chunked body.")
    signature = None
    for extension in extensions:
        name, _, value = extension.partition(b"=")
        if name.strip() == b"chunk-signature":
            signature = value.strip().decode("ascii", "replace")
    return int(size, 16), signature


def _with_trailers(chunks: tuple[Chunk, ...], body: bytes, position: int) -> ChunkedBody:
    trailers: list[tuple[str, str]] = []
    signature = None
    while position < len(body):
        line, position = _line(body, position)
        if not line:
            break
        if len(trailers) == _MOST_TRAILERS:
            raise MalformedSignature(f"An aws-chunked body has {_MOST_TRAILERS} trailers at most.")
        # AWS's own example ends a trailer with "\n\r\n"; elsewhere a newline would hide a second trailer.
        name, colon, value = line.removesuffix(b"\n").decode("utf-8", "replace").partition(":")
        if not colon or "\n" in value:
            raise MalformedSignature(f"{line[:40]!r} is not a trailer of an aws-chunked body.")
        if name.strip().lower() == _TRAILER_SIGNATURE:
            signature = value.strip()
        else:
            trailers.append((name.strip().lower(), value.strip()))
    if position < len(body):
        raise MalformedSignature("Something follows the end of the aws-chunked body.")
    return ChunkedBody(chunks, tuple(trailers), signature)


def sign_chunk(key: SigningKey, timestamp: str, scope: CredentialScope, previous: str, data: bytes) -> str:
    """The signature of a chunk; `previous` is that of the chunk before it, or the request's own."""
    digest = hashlib.sha256(data).hexdigest()
    return key.sign(
        f"AWS4-HMAC-SHA256-PAYLOAD\n{timestamp}\n{scope.text}\n{previous}\n{EMPTY_PAYLOAD_HASH}\n{digest}"
    )


def sign_trailers(
    key: SigningKey,
    timestamp: str,
    scope: CredentialScope,
    previous: str,
    trailers: tuple[tuple[str, str], ...],
) -> str:
    """The signature of the trailers; `previous` is that of the last, empty chunk."""
    canonical = "".join([f"{name}:{value}\n" for name, value in sorted(trailers)])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return key.sign(f"AWS4-HMAC-SHA256-TRAILER\n{timestamp}\n{scope.text}\n{previous}\n{digest}")


def verify_chunks(
    body: ChunkedBody,
    *,
    key: SigningKey,
    timestamp: str,
    scope: CredentialScope,
    seed: str,
    with_trailer: bool,
) -> bool:
    """Whether every chunk, and where `with_trailer` the trailers too, bears the right signature.

    `seed` is the verified signature of the request itself.
    """
    previous = seed
    for chunk in body.chunks:
        expected = sign_chunk(key, timestamp, scope, previous, chunk.data)
        if not _equal(chunk.signature, expected):
            return False
        previous = expected
    if with_trailer:
        return _equal(body.trailer_signature, sign_trailers(key, timestamp, scope, previous, body.trailers))
    return not body.trailers


def _equal(given: str | None, expected: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), expected.encode())
