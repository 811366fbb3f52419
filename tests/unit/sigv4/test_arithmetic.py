"""The arithmetic of Signature Version 4 against what AWS has published, and against botocore's signers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.sigv4 import arithmetic, signature_parameters
from entrepot.sigv4.signer import Signer

VECTORS = json.loads((Path(__file__).parent / "sigv4_vectors.json").read_text(encoding="utf-8"))
GENERAL, S3 = VECTORS["general"], VECTORS["s3"]
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TIMESTAMP = "20240229T235959Z"
HOST = "exchange.example:8250"


def signer_of(suite: dict[str, Any]) -> Signer:
    credentials = signature_parameters.Credentials(suite["access_key_id"], suite["secret_access_key"])
    return Signer(credentials, region=suite["region"], service=suite["service"])


class TestPublishedVectors:
    # All 34 cases of the suite apply. Those that were never published in a form that leaves the path as it is
    # and encodes it twice would not: neither flavour does that.
    @pytest.mark.parametrize("vector", GENERAL["vectors"], ids=lambda vector: vector["name"])
    def test_every_step_of_the_suite_is_reproduced(self, vector: dict[str, Any]) -> None:
        signed = vector["signed_headers"]
        headers = [(name, value) for name, value in vector["headers"] if name.lower() in signed.split(";")]
        canonical = arithmetic.canonical_request(
            vector["method"],
            arithmetic.canonical_path(vector["path"], "service"),
            arithmetic.canonical_query(vector["query"]),
            arithmetic.canonical_headers(headers),
            hashlib.sha256(vector["body"].encode()).hexdigest(),
        )
        assert canonical == vector["canonical_request"]
        scope = signature_parameters.CredentialScope(
            GENERAL["access_key_id"], "20150830", "us-east-1", "service"
        )
        text = arithmetic.string_to_sign(GENERAL["timestamp"], scope.text, canonical)
        assert text == vector["string_to_sign"]
        key = arithmetic.derive_key(GENERAL["secret_access_key"], "20150830", "us-east-1", "service")
        assert arithmetic.sign(key, text) == vector["signature"]

    @pytest.mark.parametrize("vector", S3["vectors"], ids=lambda vector: vector["name"])
    def test_the_examples_of_s3_are_reproduced(self, vector: dict[str, Any]) -> None:
        added = signer_of(S3).sign_headers(
            vector["method"],
            vector["path"],
            vector["query"],
            [(name, value) for name, value in vector["headers"]],
            payload_hash=hashlib.sha256(vector["payload"].encode()).hexdigest(),
            timestamp=S3["timestamp"],
        )
        assert added[-1][0] == "authorization"
        assert added[-1][1].endswith("Signature=" + vector["signature"])

    def test_the_presigned_example_of_s3_is_reproduced(self) -> None:
        vector = S3["presigned"]
        query = signer_of(S3).presign(
            vector["method"],
            vector["path"],
            "",
            [(name, value) for name, value in vector["headers"]],
            expires_in_seconds=vector["expires_in_seconds"],
            timestamp=S3["timestamp"],
        )
        assert query.endswith("&X-Amz-Signature=" + vector["signature"])


def botocore_signature(auth: SigV4Auth, request: AWSRequest) -> str:
    """What `add_auth` does, with the time given."""
    request.context["timestamp"] = TIMESTAMP
    auth._modify_request_before_signing(request)
    return str(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
segments = st.one_of(
    st.sampled_from(["", ".", "..", "a b", "~", "%", "ü/é", "%2F", "a+b", "$x", "(1)*!'"]), any_text
)
encoded_paths = st.lists(segments, max_size=6).map(lambda parts: "/" + quote("/".join(parts), safe="/~"))
raw_paths = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="?#"), max_size=8), max_size=5
).map(lambda parts: "/" + "/".join(parts))
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
queries = st.lists(st.tuples(names, any_text), max_size=5).map(arithmetic.encode_query)
queries_without_repeats = st.dictionaries(names, any_text, max_size=5).map(
    lambda pairs: arithmetic.encode_query(pairs.items())
)
values = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], include_characters="\t"), max_size=12
)
header_names = st.one_of(
    st.sampled_from(["User-Agent", "Content-Type", "Range", "X-Amzn-Trace-Id", "Expect", "x-amz-meta-A"]),
    st.from_regex(r"h-[a-zA-Z0-9_]{1,5}", fullmatch=True),
)
header_lists = st.lists(st.tuples(header_names, values), max_size=6)
methods = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"])
bodies = st.binary(max_size=40)
tokens = st.one_of(st.none(), st.just("FwoGZXIvYXdzE//token=="))
cases = settings(max_examples=120, deadline=None)


def request_of(method: str, path: str, query: str, headers: list[tuple[str, str]], body: bytes) -> AWSRequest:
    request = AWSRequest(method, f"http://{HOST}{path}" + (f"?{query}" if query else ""), data=body)
    for name, value in headers:
        request.headers[name] = value
    return request


def ours(service: str, token: str | None) -> Signer:
    return Signer(
        signature_parameters.Credentials("AKID", SECRET, token), region="eu-west-1", service=service
    )


class TestAgainstBotocore:
    @cases
    @given(methods, st.one_of(encoded_paths, raw_paths), queries, header_lists, bodies, tokens)
    def test_headers_are_signed_as_any_service_wants_them(
        self,
        method: str,
        path: str,
        query: str,
        headers: list[tuple[str, str]],
        body: bytes,
        token: str | None,
    ) -> None:
        auth = SigV4Auth(BotocoreCredentials("AKID", SECRET, token), "dataexchange", "eu-west-1")
        expected = botocore_signature(auth, request_of(method, path, query, headers, body))
        added = ours("dataexchange", token).sign_headers(
            method,
            path,
            query,
            [("Host", HOST), *headers],
            payload_hash=hashlib.sha256(body).hexdigest(),
            timestamp=TIMESTAMP,
        )
        assert added[-1][1].endswith(expected)

    @cases
    @given(methods, encoded_paths, queries, header_lists, bodies, tokens)
    def test_headers_are_signed_as_s3_wants_them(
        self,
        method: str,
        path: str,
        query: str,
        headers: list[tuple[str, str]],
        body: bytes,
        token: str | None,
    ) -> None:
        auth = S3SigV4Auth(BotocoreCredentials("AKID", SECRET, token), "s3", "eu-west-1")
        expected = botocore_signature(auth, request_of(method, path, query, headers, body))
        added = ours("s3", token).sign_headers(
            method,
            path,
            query,
            [("Host", HOST), *headers],
            payload_hash=hashlib.sha256(body).hexdigest(),
            timestamp=TIMESTAMP,
        )
        assert added[-1][1].endswith(expected)

    @cases
    @given(methods, encoded_paths, queries_without_repeats, header_lists, tokens, st.integers(1, 604_800))
    def test_urls_are_presigned_as_s3_wants_them(
        self,
        method: str,
        path: str,
        query: str,
        headers: list[tuple[str, str]],
        token: str | None,
        expires: int,
    ) -> None:
        auth = S3SigV4QueryAuth(BotocoreCredentials("AKID", SECRET, token), "s3", "eu-west-1", expires)
        expected = botocore_signature(auth, request_of(method, path, query, headers, b""))
        whole = ours("s3", token).presign(
            method, path, query, [("Host", HOST), *headers], expires_in_seconds=expires, timestamp=TIMESTAMP
        )
        assert whole.endswith("&X-Amz-Signature=" + expected)

    @cases
    @given(methods, st.one_of(encoded_paths, raw_paths), queries_without_repeats, header_lists, tokens)
    def test_urls_are_presigned_as_any_service_wants_them(
        self, method: str, path: str, query: str, headers: list[tuple[str, str]], token: str | None
    ) -> None:
        auth = SigV4QueryAuth(BotocoreCredentials("AKID", SECRET, token), "dataexchange", "eu-west-1", 60)
        expected = botocore_signature(auth, request_of(method, path, query, headers, b""))
        whole = ours("dataexchange", token).presign(
            method, path, query, [("Host", HOST), *headers], expires_in_seconds=60, timestamp=TIMESTAMP
        )
        assert whole.endswith("&X-Amz-Signature=" + expected)

    def test_an_unsigned_payload_is_said_in_a_header(self) -> None:
        auth = SigV4Auth(BotocoreCredentials("AKID", SECRET), "dataexchange", "eu-west-1")
        request = AWSRequest("POST", f"https://{HOST}/v1/jobs", data=b"{}")
        request.context["payload_signing_enabled"] = False
        expected = botocore_signature(auth, request)
        added = ours("dataexchange", None).sign_headers(
            "POST",
            "/v1/jobs",
            "",
            [("host", HOST)],
            payload_hash=arithmetic.UNSIGNED_PAYLOAD,
            timestamp=TIMESTAMP,
        )
        assert ("x-amz-content-sha256", "UNSIGNED-PAYLOAD") in added
        assert added[-1][1].endswith(expected)


class TestQueries:
    @pytest.mark.parametrize(
        ("query", "canonical"),
        [
            ("a", "a="),
            ("a&a=", "a=&a="),
            ("b=2&a=1&b=1", "a=1&b=1&b=2"),
            ("a-b=1&a=2", "a=2&a-b=1"),
            ("a=b=c", "a=b%3Dc"),
            ("a=x%2fy", "a=x%2Fy"),
            ("a=x/y&b=:", "a=x%2Fy&b=%3A"),
            ("a=one+two", "a=one%20two"),
            ("&a=1&&", "a=1"),
            ("a=100%", "a=100%25"),
        ],
    )
    def test_what_came_half_encoded_is_mended(self, query: str, canonical: str) -> None:
        assert arithmetic.canonical_query(query) == canonical


class TestPaths:
    @pytest.mark.parametrize("path", ["/a//b", "/a/../b", "/./a", "/dir/", "/", "/a%20b", "/%C3%BC"])
    def test_s3_signs_a_path_as_it_was_sent(self, path: str) -> None:
        assert arithmetic.canonical_path(path, "s3") == path

    def test_what_came_unencoded_is_encoded_for_s3(self) -> None:
        assert arithmetic.canonical_path("/a:b(1)%2f+ü", "s3") == "/a%3Ab%281%29%2F%2B%C3%BC"

    def test_an_empty_path_is_the_root(self) -> None:
        assert arithmetic.canonical_path("", "s3") == arithmetic.canonical_path("", "dataexchange") == "/"


class TestTimestamps:
    @given(st.integers(0, 253_402_300_799))
    def test_a_moment_survives_the_round_trip(self, epoch_seconds: int) -> None:
        assert (
            signature_parameters.parse_timestamp(arithmetic.format_timestamp(epoch_seconds)) == epoch_seconds
        )

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "20240230T000000Z",
            "20240101T250000Z",
            "20241301T000000Z",
            "2024-01-01T00:00:00Z",
            "2024W101T000000Z",
        ],
    )
    def test_what_is_no_moment_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - the messages are those of several checks
            signature_parameters.parse_timestamp(text)


class TestAuthorizationHeaders:
    parameters = signature_parameters.SignatureParameters(
        signature_parameters.CredentialScope("AKID", "20240229", "eu-west-1", "s3"), ("host", "x-amz-date")
    )
    signature = "0a" * 32

    @pytest.mark.parametrize(
        "value",
        [
            "AWS4-HMAC-SHA256 Credential={c}, SignedHeaders={h}, Signature={s}",
            "AWS4-HMAC-SHA256 Credential={c},SignedHeaders={h},Signature={s}",
            "AWS4-HMAC-SHA256  Signature={s} , SignedHeaders={h} , Credential={c} ",
        ],
    )
    def test_they_are_read_however_they_are_laid_out(self, value: str) -> None:
        text = value.format(
            c="AKID/20240229/eu-west-1/s3/aws4_request", h="host;x-amz-date", s=self.signature
        )
        parameters, signature = signature_parameters.split_authorization(text)
        assert signature_parameters.parse_parameters(parameters) == self.parameters
        assert signature == self.signature

    def test_what_is_built_can_be_read(self) -> None:
        text = arithmetic.build_authorization(
            self.parameters.scope.access_key_id, self.parameters.scope.text, "host;x-amz-date", self.signature
        )
        parameters, signature = signature_parameters.split_authorization(text)
        assert (signature_parameters.parse_parameters(parameters), signature) == (
            self.parameters,
            self.signature,
        )

    @given(st.text(max_size=80))
    def test_nonsense_is_refused_and_nothing_worse(self, text: str) -> None:
        with pytest.raises(signature_parameters.MalformedSignature):
            signature_parameters.parse_parameters(
                signature_parameters.split_authorization("AWS4-HMAC-SHA256 " + text)[0]
            )


class TestSigningKeys:
    @given(st.binary(min_size=32, max_size=32), st.text(st.characters(exclude_categories=["Cs"])))
    def test_a_prepared_key_signs_as_an_hmac_does(self, key: bytes, text: str) -> None:
        prepared = arithmetic.SigningKey(key)
        assert prepared.sign(text) == prepared.sign(text) == arithmetic.sign(key, text)


class TestSigners:
    def test_a_signer_changes_its_key_with_the_day(self) -> None:
        signer = ours("s3", None)

        def signature(timestamp: str) -> str:
            return signer.sign_headers(
                "GET",
                "/",
                "",
                [("host", HOST)],
                payload_hash=arithmetic.UNSIGNED_PAYLOAD,
                timestamp=timestamp,
            )[-1][1]

        first = signature("20240101T235959Z")
        assert signature("20240102T000000Z") != first
        assert signature("20240101T235959Z") == first

    @pytest.mark.parametrize("seconds", [0, -1, 604_801])
    def test_a_url_cannot_outlive_a_week(self, seconds: int) -> None:
        with pytest.raises(ValueError, match="lives from 1 to 604800 seconds"):
            ours("s3", None).presign(
                "GET", "/", "", [("host", HOST)], expires_in_seconds=seconds, timestamp=TIMESTAMP
            )

    def test_secrets_do_not_show_in_what_is_printed(self) -> None:
        assert SECRET not in repr(signature_parameters.Credentials("AKID", SECRET, SECRET))

    def test_the_presigned_query_is_one_that_a_url_can_hold(self) -> None:
        whole = ours("s3", "a/b+c=").presign(
            "GET", "/k", "versionId=ü", [("host", HOST)], expires_in_seconds=60, timestamp=TIMESTAMP
        )
        assert urlsplit(f"http://{HOST}/k?{whole}").query == whole
        assert whole.isascii()
