"""What the clients that people have sign is verified."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.session import Session
from tests.unit.sigv4.signed_requests import HOST, JOB, KEY, authenticator
from urllib3.response import HTTPResponse

from entrepot.domain.errors import AuthenticationFailed
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.http.messages import HttpRequest
from entrepot.sigv4 import signature_parameters
from entrepot.sigv4.verification import (
    Principal,
    decoded_body,
)


class ProgressWriter:
    """Keeps what a client of botocore sends, and answers in the server's place."""

    def __init__(self) -> None:
        self.request: HttpRequest | None = None

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        headers = [
            (name.lower().encode(), value if isinstance(value, bytes) else value.encode())
            for name, value in request.headers.items()
        ]
        if not any(name == b"host" for name, _ in headers):
            headers.append((b"host", url.netloc.encode()))  # as an HTTP library does
        body = request.body.read() if hasattr(request.body, "read") else (request.body or b"")
        body = body.encode() if isinstance(body, str) else bytes(body)
        self.request = HttpRequest(request.method, url.path, url.query.encode(), headers, body)
        return AWSResponse(request.url, 200, {}, HTTPResponse(io.BytesIO(b""), preload_content=False))


@pytest.fixture(scope="module")
def session() -> Session:
    return Session()


def client_of(
    session: Session, service: str, config: Config, scheme: str = "http", token: str | None = None
) -> tuple[Any, ProgressWriter]:
    client = session.create_client(
        service,
        "ap-southeast-2",
        endpoint_url=f"{scheme}://{HOST}",
        config=config,
        aws_access_key_id=KEY.access_key_id,
        aws_secret_access_key=KEY.secret_access_key,
        aws_session_token=token,
    )
    recorder = ProgressWriter()
    client.meta.events.register("before-send", recorder)
    return client, recorder


async def verified(request: HttpRequest | None) -> Principal:
    assert request is not None
    dates = [value.decode() for name, value in request.headers if name == b"x-amz-date"]
    moment = Timestamp(signature_parameters.parse_timestamp(dates[0]) * 1000)
    return await authenticator().authenticate(request, moment)


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("list_jobs", {"MaxResults": 3, "NextToken": "a+b/c=="}),
    ("get_job", {"JobId": "0123456789abcdef0123456789abcdef"}),
    ("create_data_set", {"AssetType": "S3_SNAPSHOT", "Description": "ü", "Name": "n", "Tags": {"k": "v"}}),
    ("list_tags_for_resource", {"ResourceArn": "arn:aws:dataexchange:us-east-1:1:data-sets/0123"}),
    (
        "untag_resource",
        {"ResourceArn": "arn:aws:dataexchange:us-east-1:1:x/(y)", "TagKeys": ["b", "a a", "ü"]},
    ),
    ("delete_data_set", {"DataSetId": "a b/../c"}),
]


class TestClients:
    async def test_what_any_client_of_the_exchange_signs_is_verified(self, session: Session) -> None:
        client, recorder = client_of(session, "dataexchange", Config(retries={"mode": "standard"}))
        for operation, arguments in CALLS:
            getattr(client, operation)(**arguments)
            principal = await verified(recorder.request)
            assert principal == Principal(
                Scope("111122223333", "ap-southeast-2"), KEY.access_key_id, "dataexchange"
            )
        client.close()

    async def test_the_session_token_of_a_client_is_refused_and_its_signature_right(
        self, session: Session
    ) -> None:
        client, recorder = client_of(session, "dataexchange", Config(), token="FwoGZXIvYXdzE//token==")
        for operation, arguments in CALLS:
            getattr(client, operation)(**arguments)
            with pytest.raises(AuthenticationFailed) as refused:
                await verified(recorder.request)
            assert refused.value.authentication_code == "UnrecognizedClientException"
            assert "AWS_SESSION_TOKEN" in refused.value.message
        client.close()

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize(
        "s3",
        [
            {"addressing_style": "path"},
            {"addressing_style": "path", "payload_signing_enabled": True},
            {"addressing_style": "path", "payload_signing_enabled": False},
        ],
    )
    async def test_what_a_client_of_s3_signs_is_verified(
        self, session: Session, s3: dict[str, Any], scheme: str
    ) -> None:
        client, recorder = client_of(session, "s3", Config(s3=s3), scheme)
        for key in ("dir/a b//c/../ü+(1)*!'", "plain.csv"):
            client.head_object(Bucket="bucket", Key=key)
            assert (await verified(recorder.request)).service == "s3"
            client.put_object(Bucket="bucket", Key=key, Body=io.BytesIO(b"content"), Metadata={"a": "b  c"})
            assert (await verified(recorder.request)).scope.account_id == "111122223333"
            assert recorder.request is not None
            assert decoded_body(recorder.request) == b"content"
        client.list_objects_v2(Bucket="bucket", Prefix="a b/+ü", Delimiter="/")
        await verified(recorder.request)
        client.close()

    async def test_a_url_that_a_client_of_s3_presigned_is_verified(self, session: Session) -> None:
        client, _ = client_of(
            session, "s3", Config(signature_version="s3v4", s3={"addressing_style": "path"})
        )
        url = urlsplit(
            client.generate_presigned_url(
                "put_object", Params={"Bucket": "bucket", "Key": "a//b ü"}, ExpiresIn=60
            )
        )
        client.close()
        request = HttpRequest(
            "PUT", url.path, url.query.encode(), [(b"host", url.netloc.encode())], b"whatever body"
        )
        date = url.query.partition("X-Amz-Date=")[2][:16]
        now = Timestamp(signature_parameters.parse_timestamp(date) * 1000)
        principal = await authenticator().authenticate(request, now)
        assert principal == Principal(Scope("111122223333", "ap-southeast-2"), KEY.access_key_id, "s3")

    async def test_a_url_that_botocore_presigned_for_the_exchange_is_verified(self) -> None:
        request = AWSRequest("GET", f"http://{HOST}{JOB}?x=1")
        credentials = BotocoreCredentials(KEY.access_key_id, KEY.secret_access_key)
        SigV4QueryAuth(credentials, "dataexchange", "us-east-1", 60).add_auth(request)
        url = urlsplit(request.url)
        date = url.query.partition("X-Amz-Date=")[2][:16]
        sent = HttpRequest("GET", url.path, url.query.encode(), [(b"host", url.netloc.encode())], b"")
        await authenticator().authenticate(sent, Timestamp(signature_parameters.parse_timestamp(date) * 1000))
