from __future__ import annotations

import pytest

from entrepot.domain.access_point import EXCHANGE_ACCOUNT_ID, access_point_alias
from entrepot.s3_gateway.s3_request import is_for_s3

ALIAS = access_point_alias("8d494cba5e4720e5f6072e280daf70a8", "8550cfab16b444a794402f2c3f11eae1")
LABEL = f"8550cfab-16b4-44a7-9440-2f2c3f11eae1-{EXCHANGE_ACCOUNT_ID}"


def authorization(service: str) -> dict[str, str]:
    scope = f"AKIA/20240101/us-east-1/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}


def recognized(path: str, query: str = "", **headers: str) -> bool:
    return is_for_s3(
        {
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/entrepot/objects/x", "/v1/jobs", "/any/key"])
def test_a_signature_for_s3_goes_to_the_gateway_whatever_the_path(path: str) -> None:
    """Below a bucket's own host name every path is the key of an object."""
    assert recognized(path, **authorization("s3"))
    assert recognized(path, "X-Amz-Credential=AKIA%2F20240101%2Fus-east-1%2Fs3%2Faws4_request")
    assert recognized(path, "X-Amz-Credential=AKIA/20240101/us-east-1/s3/aws4_request&a=b")


@pytest.mark.parametrize("path", ["/", f"/{ALIAS}/key", "/v1/jobs"])
def test_a_signature_for_another_service_does_not(path: str) -> None:
    assert not recognized(path, **authorization("dataexchange"))
    assert not recognized(path, "X-Amz-Credential=A%2F20240101%2Fus-east-1%2Fdataexchange%2Faws4_request")


@pytest.mark.parametrize(
    ("path", "host"),
    [
        (f"/{ALIAS}", "127.0.0.1:8250"),
        (f"/{ALIAS}/key", "127.0.0.1:8250"),
        ("/key", f"{ALIAS}.exchange.test"),
        ("/key", f"{ALIAS.upper()}.exchange.test:8250"),
        ("/healthz", f"{LABEL}.exchange.test"),
    ],
)
def test_without_a_signature_the_name_of_an_access_point_decides(path: str, host: str) -> None:
    assert recognized(path, host=host)


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("/healthz", "127.0.0.1:8250"),
        ("/entrepot/objects/assets/0f", "127.0.0.1"),
        (f"/{ALIAS}x/key", "127.0.0.1"),
        (f"/v1/{ALIAS}", "127.0.0.1"),
        ("/v1/jobs", "s3alias.exchange.test"),
    ],
)
def test_everything_else_is_for_others(path: str, host: str) -> None:
    assert not recognized(path, host=host)
