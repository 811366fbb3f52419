"""What a client of an AWS SDK may leave unsigned or send beside its key: nothing."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.functional.clients import client as make_client


def test_a_body_that_is_not_signed_is_refused(port: Any) -> None:
    account = port.account
    client = make_client("dataexchange", port.exchange.url, account.access_key_id, account.secret_access_key)

    def leave_unsigned(request: Any, **_: Any) -> None:
        request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"

    client.meta.events.register("before-sign.dataexchange.*", leave_unsigned)
    try:
        with pytest.raises(ClientError) as refused:
            client.create_data_set(AssetType="S3_SNAPSHOT", Name="n", Description="d")
    finally:
        client.close()
    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("service", "code"), [("dataexchange", "UnrecognizedClientException"), ("s3", "400")]
)
def test_a_session_token_beside_a_key_for_good_is_refused(port: Any, service: str, code: str) -> None:
    from botocore.session import Session

    account = port.account
    client = Session().create_client(
        service,
        "us-east-1",
        endpoint_url=port.exchange.url,
        aws_access_key_id=account.access_key_id,
        aws_secret_access_key=account.secret_access_key,
        aws_session_token="FwoGZXIvYXdzE",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    arguments = {"Bucket": f"{'a' * 52}-s3alias", "Key": "k"} if service == "s3" else {}
    ask = client.head_object if service == "s3" else client.list_jobs
    try:
        with pytest.raises(ClientError) as refused:
            ask(**arguments)
    finally:
        client.close()
    assert refused.value.response["Error"]["Code"] == code
