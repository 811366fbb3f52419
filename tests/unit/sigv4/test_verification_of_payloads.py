"""Bodies: hashed, unsigned, or signed chunk by chunk."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from tests.unit.sigv4.signed_requests import HOST, KEY, NOW, TIMESTAMP, authenticator, refusal, signed

from entrepot.domain.errors import AuthenticationFailed
from entrepot.http.messages import HttpRequest
from entrepot.sigv4 import arithmetic, aws_chunked, signature_parameters
from entrepot.sigv4.signer import Signer
from entrepot.sigv4.verification import (
    decoded_body,
)


class TestPayloads:
    async def test_a_declared_hash_must_be_that_of_the_body(self) -> None:
        body = b"content"
        request = signed("PUT", "/bucket/key", "", body, service="s3")
        assert dict(request.headers)[b"x-amz-content-sha256"] == hashlib.sha256(body).hexdigest().encode()
        await authenticator().authenticate(request, NOW)
        error = await refusal(replace(request, body=b"contents"))
        assert "is not the SHA-256 of the body" in error.message

    async def test_an_unsigned_payload_may_be_anything(self) -> None:
        request = signed(service="s3", payload_hash=arithmetic.UNSIGNED_PAYLOAD)
        principal = await authenticator().authenticate(replace(request, body=b"another"), NOW)
        assert principal.access_key_id == KEY.access_key_id

    @pytest.mark.parametrize("payload_hash", [arithmetic.UNSIGNED_PAYLOAD, aws_chunked.UNSIGNED_WITH_TRAILER])
    @pytest.mark.parametrize("body", [b"", b'{"Name": "n"}', b"0\r\n\r\n"])
    async def test_only_s3_takes_what_nobody_signed(self, payload_hash: str, body: bytes) -> None:
        request = replace(signed(payload_hash=payload_hash), body=body)
        error = await refusal(request)
        assert error.authentication_code == "InvalidSignatureException"
        assert payload_hash in error.message
        with pytest.raises(AuthenticationFailed, match="is for requests to S3 alone"):
            await authenticator().look_at_head(replace(request, body=b""), NOW)

    async def test_in_a_presigned_url_neither(self) -> None:
        whole = Signer(
            signature_parameters.Credentials(KEY.access_key_id, KEY.secret_access_key),
            region="us-east-1",
            service="dataexchange",
        ).presign(
            "POST",
            "/v1/jobs",
            "",
            [("host", HOST), ("x-amz-content-sha256", arithmetic.UNSIGNED_PAYLOAD)],
            expires_in_seconds=600,
            timestamp=TIMESTAMP,
            payload_hash=arithmetic.UNSIGNED_PAYLOAD,
        )
        headers = [(b"host", HOST.encode()), (b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD")]
        error = await refusal(HttpRequest("POST", "/v1/jobs", whole.encode(), headers, b"{}"))
        assert "is for requests to S3 alone" in error.message

    @staticmethod
    def chunked(payload_hash: str, pieces: tuple[bytes, ...] = (b"hello ", b"world")) -> HttpRequest:
        length = str(sum(map(len, pieces)))
        request = signed(
            "PUT",
            "/bucket/key",
            "",
            b"",
            service="s3",
            payload_hash=payload_hash,
            headers=(("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", length)),
        )
        scope = signature_parameters.CredentialScope(KEY.access_key_id, TIMESTAMP[:8], "us-east-1", "s3")
        key = arithmetic.SigningKey(
            arithmetic.derive_key(KEY.secret_access_key, scope.date, scope.region, scope.service)
        )
        signature = dict(request.headers)[b"authorization"].decode()[-64:]
        body = b""
        for piece in (*pieces, b""):
            signature = aws_chunked.sign_chunk(key, TIMESTAMP, scope, signature, piece)
            extension = (
                f";chunk-signature={signature}" if payload_hash != aws_chunked.UNSIGNED_WITH_TRAILER else ""
            )
            body += f"{len(piece):x}{extension}\r\n".encode() + piece + (b"\r\n" if piece else b"")
        if payload_hash != aws_chunked.SIGNED:
            trailers = (("x-amz-checksum-crc32", "DUoRhQ=="),)
            body += b"x-amz-checksum-crc32:DUoRhQ==\r\n"
            if payload_hash == aws_chunked.SIGNED_WITH_TRAILER:
                signature = aws_chunked.sign_trailers(key, TIMESTAMP, scope, signature, trailers)
                body += f"x-amz-trailer-signature:{signature}\r\n".encode()
        return replace(request, body=body + b"\r\n")

    @pytest.mark.parametrize("payload_hash", sorted(aws_chunked.STREAMING_PAYLOADS))
    async def test_chunks_are_verified_and_put_together(self, payload_hash: str) -> None:
        request = self.chunked(payload_hash)
        await authenticator().authenticate(request, NOW)
        assert decoded_body(request) == b"hello world"

    @pytest.mark.parametrize("payload_hash", [aws_chunked.SIGNED, aws_chunked.SIGNED_WITH_TRAILER])
    async def test_a_changed_chunk_is_refused(self, payload_hash: str) -> None:
        request = self.chunked(payload_hash)
        error = await refusal(replace(request, body=request.body.replace(b"world", b"worle")))
        assert error.message == "The signature of a chunk of the aws-chunked body is wrong."

    @pytest.mark.parametrize("payload_hash", sorted(aws_chunked.STREAMING_PAYLOADS))
    async def test_a_torn_body_is_refused(self, payload_hash: str) -> None:
        request = self.chunked(payload_hash)
        error = await refusal(replace(request, body=request.body[:9]))
        assert error.authentication_code == "IncompleteSignatureException"

    async def test_chunks_of_another_length_than_announced_are_refused(self) -> None:
        request = self.chunked(aws_chunked.UNSIGNED_WITH_TRAILER)
        shorter = request.body.replace(b"5\r\nworld\r\n", b"")
        error = await refusal(replace(request, body=shorter))
        assert "x-amz-decoded-content-length" in error.message

    async def test_a_body_without_chunks_is_what_it_is(self) -> None:
        assert decoded_body(signed(body=b"5\r\nhello\r\n0\r\n\r\n")) == b"5\r\nhello\r\n0\r\n\r\n"
