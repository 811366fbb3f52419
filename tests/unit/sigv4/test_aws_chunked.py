"""The aws-chunked encoding against the examples that AWS has published, and against what may go wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.sigv4 import arithmetic, aws_chunked, signature_parameters
from entrepot.sigv4.signer import Signer

S3 = json.loads((Path(__file__).parent / "sigv4_vectors.json").read_text(encoding="utf-8"))["s3"]
CHUNKED = S3["chunked"]
SCOPE = signature_parameters.CredentialScope(
    S3["access_key_id"], S3["timestamp"][:8], S3["region"], S3["service"]
)
KEY = arithmetic.SigningKey(
    arithmetic.derive_key(S3["secret_access_key"], SCOPE.date, SCOPE.region, SCOPE.service)
)
VECTORS = pytest.mark.parametrize("vector", CHUNKED["vectors"], ids=lambda vector: vector["name"])


def body_of(vector: dict[str, Any]) -> bytes:
    """The body as the example sends it."""
    parts = []
    for length, signature in zip(vector["chunk_lengths"], vector["chunk_signatures"], strict=True):
        parts.append(f"{length:x};chunk-signature={signature}\r\n".encode())
        parts.append(CHUNKED["byte"].encode() * length + (b"\r\n" if length else b""))
    for name, value in vector["trailers"]:
        parts.append(f"{name}:{value}\n\r\n".encode())
    if vector["trailer_signature"]:
        parts.append(f"x-amz-trailer-signature:{vector['trailer_signature']}\r\n".encode())
    return b"".join(parts) + b"\r\n"


def verified(body: bytes, vector: dict[str, Any]) -> bool:
    return aws_chunked.verify_chunks(
        aws_chunked.parse_chunks(body),
        key=KEY,
        timestamp=S3["timestamp"],
        scope=SCOPE,
        seed=vector["seed"],
        with_trailer=vector["payload_hash"].endswith("-TRAILER"),
    )


@VECTORS
def test_the_published_examples_are_signed_alike(vector: dict[str, Any]) -> None:
    signer = Signer(
        signature_parameters.Credentials(S3["access_key_id"], S3["secret_access_key"]),
        region=S3["region"],
        service="s3",
    )
    added = signer.sign_headers(
        CHUNKED["method"],
        CHUNKED["path"],
        "",
        [(name, value) for name, value in vector["headers"]],
        payload_hash=vector["payload_hash"],
        timestamp=S3["timestamp"],
    )
    signature = added[-1][1].rpartition("Signature=")[2]
    assert signature == vector["seed"]
    for length, expected in zip(vector["chunk_lengths"], vector["chunk_signatures"], strict=True):
        data = CHUNKED["byte"].encode() * length
        signature = aws_chunked.sign_chunk(KEY, S3["timestamp"], SCOPE, signature, data)
        assert signature == expected
    if vector["trailers"]:
        trailers = tuple((name, value) for name, value in vector["trailers"])
        signature = aws_chunked.sign_trailers(KEY, S3["timestamp"], SCOPE, signature, trailers)
        assert signature == vector["trailer_signature"]


@VECTORS
def test_the_published_examples_are_read_and_verified(vector: dict[str, Any]) -> None:
    body = body_of(vector)
    assert verified(body, vector)
    parsed = aws_chunked.parse_chunks(body)
    assert parsed.data == b"a" * 66_560
    assert [list(trailer) for trailer in parsed.trailers] == vector["trailers"]


@VECTORS
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"aaaa\r\n", b"aaab\r\n"),
        (b"\r\n0;chunk-signature=", b"\r\n0;chunk-signature=f"),
        (b";chunk-signature=", b";chunk-sig="),
    ],
)
def test_what_was_changed_on_the_way_is_found(vector: dict[str, Any], old: bytes, new: bytes) -> None:
    assert not verified(body_of(vector).replace(old, new), vector)


def test_a_changed_trailer_is_found() -> None:
    vector = CHUNKED["vectors"][1]
    assert not verified(body_of(vector).replace(b"sOO8", b"sOO9"), vector)


def test_a_trailer_that_nobody_signed_is_found() -> None:
    vector = CHUNKED["vectors"][0]
    assert not verified(body_of(vector)[:-2] + b"x-amz-checksum-crc32c:AAAA\r\n\r\n", vector)


def test_chunks_cannot_change_places() -> None:
    vector = dict(CHUNKED["vectors"][0], chunk_lengths=[1024, 65536, 0])
    first, second, last = vector["chunk_signatures"]
    vector["chunk_signatures"] = [second, first, last]
    assert not verified(body_of(vector), vector)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"5\r\nhello",
        b"5\r\nhello\r\n",
        b"5\r\nhell\r\n0\r\n\r\n",
        b"4\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n",
        b"0\r\n\r\nmore",
        b"0\r\nno trailer\r\n\r\n",
        b"0\r\na:1\nb:2\r\n\r\n",
        b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        b"1\r\na\r\n" * 5000 + b"0\r\n\r\n",
        b"0\r\n" + b"a:1\r\n" * 101 + b"\r\n",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_malformed_body_is_refused(body: bytes) -> None:
    with pytest.raises(signature_parameters.MalformedSignature):
        aws_chunked.parse_chunks(body)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5))
def test_data_that_looks_like_anything_comes_through(pieces: list[bytes]) -> None:
    body = b"".join([b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]) + b"0\r\n\r\n"
    assert aws_chunked.parse_chunks(body).data == b"".join(pieces)
