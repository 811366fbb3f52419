"""Signed requests are verified; whatever is changed afterwards, or came too late, is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate

import pytest
from tests.unit.sigv4.signed_requests import (
    DISABLED,
    HOST,
    JOB,
    KEY,
    NOW,
    OTHER,
    TIMESTAMP,
    Keys,
    authenticator,
    presigned,
    refusal,
    signed,
    with_authorization,
    with_header,
)

from entrepot.domain.errors import AuthenticationFailed
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.http.messages import HttpRequest
from entrepot.s3_gateway.s3_errors import problem_of_signature
from entrepot.sigv4 import arithmetic, signature_parameters
from entrepot.sigv4.signer import Signer
from entrepot.sigv4.verification import (
    AccessKey,
    Principal,
    SigV4Authenticator,
    TrustAuthenticator,
    partition_of,
)


class TestTampering:
    @pytest.mark.parametrize(
        "change",
        [
            lambda request: replace(request, method="PUT"),
            lambda request: replace(request, raw_path="/v1/data-sets"),
            lambda request: replace(request, raw_path="/v1/jobs/"),
            lambda request: replace(request, query_string=b"b=2&a=x%2Fz"),
            lambda request: replace(request, query_string=b"b=2"),
            lambda request: replace(request, query_string=b"b=2&a=x%2Fy&c"),
            lambda request: replace(request, body=b"{}"),
            lambda request: replace(request, body=b""),
            lambda request: with_header(request, "host", "exchange.example"),
            lambda request: with_header(request, "content-type", "text/plain"),
            lambda request: with_header(request, "content-type", None),
            lambda request: replace(request, headers=[*request.headers, (b"content-type", b"text/plain")]),
            lambda request: with_header(request, "x-amz-date", "20240229T120001Z"),
            lambda request: with_header(request, "x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            lambda request: with_authorization(request, "/us-east-1/", "/us-east-2/"),
            lambda request: with_authorization(request, "/dataexchange/", "/s3/"),
            lambda request: with_authorization(request, "/20240229/", "/20240228/"),
            lambda request: with_authorization(request, KEY.access_key_id, OTHER.access_key_id),
            lambda request: with_authorization(request, "content-type;", ""),
            lambda request: with_authorization(request, "host;", ""),
            lambda request: with_authorization(request, ";x-amz-date", ""),
        ],
    )
    async def test_no_part_of_a_signed_request_can_be_changed(
        self, change: Callable[[HttpRequest], HttpRequest]
    ) -> None:
        request = signed()
        await authenticator().authenticate(request, NOW)
        error = await refusal(change(request))
        assert error.authentication_code == "InvalidSignatureException"

    @pytest.mark.parametrize(
        "change",
        [
            lambda request: replace(request, method="DELETE"),
            lambda request: replace(request, raw_path=JOB + "0"),
            lambda request: replace(request, body=b"more"),
            lambda request: replace(request, headers=[(b"host", b"elsewhere")]),
            lambda request: replace(request, headers=[]),
            lambda request: replace(request, query_string=request.query_string.replace(b"a=1", b"a=2")),
            lambda request: replace(request, query_string=request.query_string + b"&c=3"),
            lambda request: replace(request, query_string=request.query_string.replace(b"=600", b"=601")),
            lambda request: replace(
                request, query_string=request.query_string.replace(b"us-east-1", b"us-east-2")
            ),
            lambda request: replace(
                request, query_string=request.query_string.replace(b"120000Z", b"120001Z")
            ),
        ],
    )
    async def test_no_part_of_a_presigned_url_can_be_changed(
        self, change: Callable[[HttpRequest], HttpRequest]
    ) -> None:
        request = presigned()
        await authenticator().authenticate(request, NOW)
        assert (await refusal(change(request))).authentication_code == "InvalidSignatureException"

    async def test_the_secret_of_another_key_is_of_no_use(self) -> None:
        forged = replace(KEY, secret_access_key=OTHER.secret_access_key)
        error = await refusal(signed(key=forged))
        assert error.authentication_code == "InvalidSignatureException"

    async def test_the_error_shows_what_should_have_been_signed(self) -> None:
        error = await refusal(replace(signed(), method="PUT"))
        assert "The Canonical String for this request should have been\n'PUT\n/v1/jobs\n" in error.message
        assert "The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20240229T120000Z\n" in error.message


class TestTime:
    @pytest.mark.parametrize("seconds", [-900, 0, 900])
    async def test_a_clock_may_be_off_by_a_quarter_of_an_hour(self, seconds: int) -> None:
        await authenticator().authenticate(signed(), NOW.plus_seconds(seconds))

    async def test_an_older_signature_has_expired(self) -> None:
        error = await refusal(signed(), NOW.plus_seconds(901))
        assert error.authentication_code == "InvalidSignatureException"
        assert error.message.startswith("Signature expired: 20240229T120000Z is now earlier than")

    async def test_a_signature_from_the_future_is_not_yet_current(self) -> None:
        error = await refusal(signed(), NOW.plus_seconds(-901))
        assert error.message.startswith("Signature not yet current: 20240229T120000Z is still later than")

    @pytest.mark.parametrize("seconds", [-900, 0, 600])
    async def test_a_presigned_url_works_until_it_expires(self, seconds: int) -> None:
        await authenticator().authenticate(presigned(expires=600), NOW.plus_seconds(seconds))

    @pytest.mark.parametrize("seconds", [-901, 601])
    async def test_a_presigned_url_works_neither_before_nor_after(self, seconds: int) -> None:
        await refusal(presigned(expires=600), NOW.plus_seconds(seconds))

    async def test_a_presigned_url_may_live_for_a_week(self) -> None:
        await authenticator().authenticate(presigned(expires=604_800), NOW.plus_seconds(604_800))

    @pytest.mark.parametrize("expires", [b"604801", b"0", b"-1", b"x", b"1e3"])
    async def test_a_presigned_url_cannot_say_that_it_lives_longer(self, expires: bytes) -> None:
        request = presigned(expires=600)
        query = request.query_string.replace(b"X-Amz-Expires=600", b"X-Amz-Expires=" + expires)
        error = await refusal(replace(request, query_string=query))
        assert error.authentication_code == "IncompleteSignatureException"

    @pytest.mark.parametrize("zone", [" GMT", " -0000"])
    async def test_a_date_header_serves_as_well(self, zone: str) -> None:
        date = formatdate(NOW.milliseconds / 1000).removesuffix(" -0000") + zone
        headers = (("host", HOST), ("date", date))
        block = arithmetic.canonical_headers(headers)
        canonical = arithmetic.canonical_request("GET", JOB, "", block, arithmetic.EMPTY_PAYLOAD_HASH)
        scope = signature_parameters.CredentialScope(
            KEY.access_key_id, TIMESTAMP[:8], "us-east-1", "dataexchange"
        )
        key = arithmetic.derive_key(KEY.secret_access_key, scope.date, scope.region, scope.service)
        signature = arithmetic.sign(key, arithmetic.string_to_sign(TIMESTAMP, scope.text, canonical))
        value = arithmetic.build_authorization(scope.access_key_id, scope.text, block[1], signature)
        wire = [(name.encode(), text.encode()) for name, text in (*headers, ("authorization", value))]
        await authenticator().authenticate(HttpRequest("GET", JOB, b"", wire, b""), NOW)


class TestForms:
    async def test_a_request_without_signature_is_told_so(self) -> None:
        error = await refusal(HttpRequest("GET", JOB, b"", [(b"host", HOST.encode())], b""))
        assert error.authentication_code == "MissingAuthenticationTokenException"

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "Bearer abc",
            "AWS AKID:signature",
            "AWS4-HMAC-SHA256",
            "AWS4-ECDSA-P256-SHA256 Credential=a/20240229/s/aws4_request, SignedHeaders=host, Signature="
            + "0" * 64,
            "AWS4-HMAC-SHA256 Credential=AKID/20240229/r/s/aws4_request, SignedHeaders=host",
            "AWS4-HMAC-SHA256 Credential=AKID/aws4_request, SignedHeaders=host, Signature=" + "0" * 64,
            "AWS4-HMAC-SHA256 Credential=AKID/20240229/r/s/aws4, SignedHeaders=host, Signature=" + "0" * 64,
            "AWS4-HMAC-SHA256 Credential=AKID/20240229/r/s/aws4_request, SignedHeaders=Host, Signature="
            + "0" * 64,
            "AWS4-HMAC-SHA256 Credential=AKID/20240229/r/s/aws4_request, SignedHeaders=host, Signature="
            + "é" * 64,
        ],
    )
    async def test_an_authorization_of_another_form_is_incomplete(self, value: str) -> None:
        error = await refusal(with_header(signed(), "authorization", value))
        assert error.authentication_code == "IncompleteSignatureException"

    async def test_two_authorizations_are_too_many(self) -> None:
        request = signed()
        value = dict(request.headers)[b"authorization"]
        error = await refusal(replace(request, headers=[*request.headers, (b"authorization", value)]))
        assert error.authentication_code == "IncompleteSignatureException"

    async def test_a_header_and_a_presigned_url_together_are_refused(self) -> None:
        error = await refusal(replace(signed(), query_string=presigned().query_string))
        assert error.authentication_code == "IncompleteSignatureException"

    @pytest.mark.parametrize(
        "name", ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"]
    )
    async def test_a_presigned_url_needs_all_of_its_parameters(self, name: str) -> None:
        parts = presigned().query_string.decode().split("&")
        query = "&".join(part for part in parts if not part.startswith(f"X-Amz-{name}="))
        error = await refusal(replace(presigned(), query_string=query.encode()))
        assert error.authentication_code == "IncompleteSignatureException"

    async def test_a_parameter_of_a_presigned_url_comes_once(self) -> None:
        query = presigned().query_string + b"&X-Amz-Date=20240229T120000Z"
        error = await refusal(replace(presigned(), query_string=query))
        assert error.authentication_code == "IncompleteSignatureException"

    async def test_a_request_needs_a_date(self) -> None:
        error = await refusal(with_header(signed(), "x-amz-date", None))
        assert error.authentication_code == "IncompleteSignatureException"

    @pytest.mark.parametrize("date", ["2024-02-29T12:00:00Z", "20240230T120000Z", "today"])
    async def test_a_date_of_another_form_is_incomplete(self, date: str) -> None:
        error = await refusal(with_header(signed(), "x-amz-date", date))
        assert error.authentication_code == "IncompleteSignatureException"

    async def test_headers_that_proxies_add_unsigned_do_no_harm(self) -> None:
        extra = [(b"x-amzn-trace-id", b"Root=1"), (b"amz-sdk-request", b"attempt=1"), (b"x-amz-cf-id", b"a")]
        request = signed()
        await authenticator().authenticate(replace(request, headers=[*request.headers, *extra]), NOW)

    @pytest.mark.parametrize("name", ["x-amz-target", "x-amz-content-sha256"])
    async def test_headers_that_change_the_answer_must_be_signed(self, name: str) -> None:
        error = await refusal(with_header(signed(), name, "0" * 64))
        assert error.message == f"{name!r} must be a 'SignedHeader' in the AWS Authorization."

    async def test_a_signature_that_leaves_out_the_host_is_refused(self) -> None:
        signer = Signer(
            signature_parameters.Credentials(KEY.access_key_id, KEY.secret_access_key),
            region="us-east-1",
            service="s3",
        )
        payload = arithmetic.EMPTY_PAYLOAD_HASH
        added = signer.sign_headers("GET", "/b/k", "", [], payload_hash=payload, timestamp=TIMESTAMP)
        wire = [(b"host", HOST.encode()), *((name.encode(), value.encode()) for name, value in added)]
        error = await refusal(HttpRequest("GET", "/b/k", b"", wire, b""))
        assert error.message == "'Host' must be a 'SignedHeader' in the AWS Authorization."

    @pytest.mark.parametrize("service", ["dataexchange", "s3"])
    @pytest.mark.parametrize("token", ["FwoGZXIvYXdzE//", "x"])
    async def test_a_session_token_is_refused_signed_or_not(self, token: str, service: str) -> None:
        """The keys of an exchange are for good; AWS refuses a token beside such a key, too."""
        added = with_header(signed(service=service), "x-amz-security-token", token)
        in_url = with_header(presigned(service=service), "x-amz-security-token", token)
        for request in (signed(service=service, token=token), added, in_url):
            error = await refusal(request)
            assert error.authentication_code == "UnrecognizedClientException"
            assert "AWS_SESSION_TOKEN" in error.message
            s3 = problem_of_signature(error)
            assert (s3.status, s3.code) == (400, "InvalidToken")

    async def test_a_session_token_in_a_presigned_url_is_refused(self) -> None:
        signer = Signer(
            signature_parameters.Credentials(KEY.access_key_id, KEY.secret_access_key, "FwoGZ"),
            region="us-east-1",
            service="dataexchange",
        )
        query = signer.presign("GET", JOB, "", [("host", HOST)], expires_in_seconds=600, timestamp=TIMESTAMP)
        error = await refusal(HttpRequest("GET", JOB, query.encode(), [(b"host", HOST.encode())], b""))
        assert error.authentication_code == "UnrecognizedClientException"

    async def test_an_empty_session_token_is_none(self) -> None:
        await authenticator().authenticate(with_header(signed(), "x-amz-security-token", ""), NOW)

    async def test_repeated_and_folded_headers_are_signed_as_one(self) -> None:
        request = signed(headers=(("x-a", " one   two "), ("x-a", "three")))
        assert len([name for name, _ in request.headers if name == b"x-a"]) == 2
        await authenticator().authenticate(request, NOW)


class TestScopes:
    @pytest.mark.parametrize(
        ("region", "partition"),
        [
            ("us-east-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("my-laptop", "aws"),
        ],
    )
    async def test_the_region_and_its_partition_come_from_the_credential(
        self, region: str, partition: str
    ) -> None:
        principal = await authenticator().authenticate(signed(region=region), NOW)
        assert principal.scope == Scope("111122223333", region, partition)
        assert partition_of(region) == partition

    async def test_where_the_credential_names_no_region_it_is_the_servers(self) -> None:
        assert (await authenticator().authenticate(signed(region=""), NOW)).scope.region == "eu-west-1"

    @pytest.mark.parametrize("region", ["US-EAST-1", "a" * 64, "us_east", "ü"])
    async def test_a_region_that_is_none_is_refused(self, region: str) -> None:
        error = await refusal(signed(region=region))
        assert error.message == "Credential should be scoped to a valid Region."

    async def test_a_signature_for_another_service_is_refused(self) -> None:
        error = await refusal(signed(service="sqs"))
        assert error.message == "Credential should be scoped to correct service: 'dataexchange'."


class TestKeys:
    @pytest.mark.parametrize("access_key_id", ["AKIAUNKNOWNUNKNOWNUN", "a'; --", "a\x00b", "x" * 200, "ü"])
    async def test_an_unknown_key_is_refused(self, access_key_id: str) -> None:
        error = await refusal(signed(key=replace(KEY, access_key_id=access_key_id)))
        assert error.authentication_code == "UnrecognizedClientException"

    async def test_a_disabled_key_is_refused(self) -> None:
        error = await refusal(signed(key=DISABLED))
        assert error.authentication_code == "AccessDeniedException"

    async def test_only_who_has_the_secret_learns_that_a_key_is_disabled(self) -> None:
        error = await refusal(signed(key=replace(DISABLED, secret_access_key="guess")))
        assert error.authentication_code == "InvalidSignatureException"

    async def test_a_key_is_looked_up_once_a_second(self) -> None:
        keys = Keys(KEY)
        verifier = SigV4Authenticator(keys.find, "us-east-1")
        for milliseconds in (0, 500, 999):
            await verifier.authenticate(signed(), Timestamp(NOW.milliseconds + milliseconds))
        assert keys.look_ups == 1
        await verifier.authenticate(signed(), NOW.plus_seconds(1))
        assert keys.look_ups == 2

    async def test_disabling_a_key_and_changing_its_secret_take_effect_within_a_second(self) -> None:
        keys = Keys(KEY)
        verifier = SigV4Authenticator(keys.find, "us-east-1")
        await verifier.authenticate(signed(), NOW)
        keys.by_id[KEY.access_key_id] = replace(KEY, enabled=False)
        with pytest.raises(AuthenticationFailed, match="is disabled"):
            await verifier.authenticate(signed(), NOW.plus_seconds(1))
        keys.by_id[KEY.access_key_id] = replace(KEY, secret_access_key=OTHER.secret_access_key)
        with pytest.raises(AuthenticationFailed, match="does not match"):
            await verifier.authenticate(signed(), NOW.plus_seconds(2))

    async def test_a_key_made_after_a_refusal_works_at_once(self) -> None:
        keys = Keys()
        verifier = SigV4Authenticator(keys.find, "us-east-1")
        with pytest.raises(AuthenticationFailed):
            await verifier.authenticate(signed(), NOW)
        keys.by_id[KEY.access_key_id] = KEY
        await verifier.authenticate(signed(), NOW)

    async def test_memory_stays_bounded_however_many_come(self) -> None:
        keys = Keys(*(replace(KEY, access_key_id=f"AKIA{number:016}") for number in range(1100)))
        verifier = SigV4Authenticator(keys.find, "us-east-1")
        for key in keys.by_id.values():
            await verifier.authenticate(signed(key=key), NOW)
        assert len(verifier._keys) == len(verifier._sessions) == 1024


class TestTrust:
    @staticmethod
    async def principal_of(request: HttpRequest) -> Principal:
        return await TrustAuthenticator("eu-west-1").authenticate(request, NOW)

    async def test_an_access_key_id_of_twelve_digits_names_the_account(self) -> None:
        key = AccessKey("999900001111", "", "anything")
        principal = await self.principal_of(signed(key=key, region="cn-north-1"))
        assert principal == Principal(
            Scope("999900001111", "cn-north-1", "aws-cn"), "999900001111", "dataexchange"
        )

    async def test_any_other_means_the_account_of_the_tests(self) -> None:
        principal = await self.principal_of(signed(key=OTHER, service="s3"))
        assert principal == Principal(Scope("123456789012", "us-east-1"), OTHER.access_key_id, "s3")

    async def test_the_service_is_the_one_that_is_named(self) -> None:
        assert (await self.principal_of(signed(key=OTHER, service="sqs"))).service == "sqs"

    async def test_so_does_none_and_the_region_is_the_servers(self) -> None:
        principal = await self.principal_of(HttpRequest("GET", JOB, b"", [], b""))
        assert principal == Principal(Scope("123456789012", "eu-west-1"), None, "dataexchange")

    async def test_a_presigned_url_names_its_account_too(self) -> None:
        query = b"X-Amz-Credential=999900001111%2F20240229%2Fus-west-2%2Fs3%2Faws4_request"
        principal = await self.principal_of(HttpRequest("GET", JOB, query, [], b""))
        assert principal == Principal(Scope("999900001111", "us-west-2"), "999900001111", "s3")

    @pytest.mark.parametrize(
        "value", ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=abc", "Credential=a/b/c/d/e"]
    )
    async def test_nonsense_is_believed_as_well_as_may_be(self, value: str) -> None:
        request = HttpRequest("GET", JOB, b"", [(b"authorization", value.encode())], b"")
        assert (await self.principal_of(request)).scope == Scope("123456789012", "eu-west-1")

    async def test_neither_time_nor_signature_counts(self) -> None:
        request = replace(signed(timestamp="20000101T000000Z"), method="PUT")
        assert (await self.principal_of(request)).scope.region == "us-east-1"
