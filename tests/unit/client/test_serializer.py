"""Parameters become the request that botocore makes of them, byte for byte, for every operation."""

from __future__ import annotations

import datetime as dt
import uuid
from urllib.parse import urlsplit

import botocore.awsrequest
import botocore.serialize
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.client.botocore_oracle import FEW, OPERATIONS, SERVICE, operation_of, valid

from entrepot.client.client_errors import ClientError
from entrepot.client.command_line_model import Operation
from entrepot.client.serializer import Request, serialize, with_token

_SERIALIZER = botocore.serialize.create_serializer("rest-json", include_validation=False)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.command)
@FEW
@given(data=st.data())
def test_a_request_is_the_one_that_botocore_makes(operation: Operation, data: st.DataObject) -> None:
    parameters = data.draw(valid(operation.input))
    pieces = _SERIALIZER.serialize_to_request(parameters, SERVICE.operation_model(operation.name))
    botocore.awsrequest.prepare_request_dict(pieces, endpoint_url="http://exchange.test")
    prepared = botocore.awsrequest.create_request_object(pieces).prepare()
    url = urlsplit(prepared.url)
    request = serialize(operation, parameters)
    assert request.method == prepared.method
    assert request.path == url.path
    assert (request.query or "") == url.query
    assert request.body == (prepared.body or b"")
    assert request.host_prefix == pieces.get("host_prefix")
    expected = {name: value for name, value in prepared.headers.items() if name != "Content-Length"}
    assert dict(request.headers) == expected


def test_an_id_cannot_leave_its_place_in_the_path() -> None:
    request = serialize(operation_of("GetJob"), {"JobId": "../jobs?a#é\n"})
    assert request.path == "/v1/jobs/..%2Fjobs%3Fa%23%C3%A9%0A"
    assert request.query is None


def test_lists_repeat_their_key_in_the_query() -> None:
    request = serialize(
        operation_of("UntagResource"), {"ResourceArn": "arn:a/b", "TagKeys": ["one key", "two&"]}
    )
    assert (request.path, request.query) == ("/tags/arn%3Aa%2Fb", "tagKeys=one%20key&tagKeys=two%26")


def test_an_empty_list_leaves_an_empty_query() -> None:
    assert serialize(operation_of("UntagResource"), {"ResourceArn": "a", "TagKeys": []}).query == ""


def test_a_call_of_an_api_carries_its_body_as_it_is_and_its_headers_by_prefix() -> None:
    request = serialize(
        operation_of("SendApiAsset"),
        {
            "AssetId": "a",
            "DataSetId": "d",
            "RevisionId": "r",
            "Body": "<größe/>",
            "QueryStringParameters": {"a": "b c", "d": "e"},
            "RequestHeaders": {"Accept": "text/xml"},
        },
    )
    assert request.host_prefix == "api-fulfill."
    assert request.body == "<größe/>".encode()
    assert request.query == "a=b%20c&d=e"
    assert request.headers == [
        ("x-amzn-dataexchange-asset-id", "a"),
        ("x-amzn-dataexchange-data-set-id", "d"),
        ("x-amzn-dataexchange-revision-id", "r"),
        ("x-amzn-dataexchange-header-Accept", "text/xml"),
    ]


@pytest.mark.parametrize(
    ("given_time", "sent"),
    [
        ("2030-01-02T03:04:05Z", "2030-01-02T03:04:05Z"),
        ("2030-01-02T03:04:05.678Z", "2030-01-02T03:04:05.678000Z"),
        ("2030-01-02T03:04:05+02:00", "2030-01-02T01:04:05Z"),
        ("2030-01-02", "2030-01-02T00:00:00Z"),
        (1893553445, "2030-01-02T03:04:05Z"),
        (dt.datetime(2030, 1, 2, 3, 4, 5, 1), "2030-01-02T03:04:05.000001Z"),  # noqa: DTZ001 - taken for UTC
    ],
)
def test_moments_are_sent_in_utc(given_time: object, sent: str) -> None:
    parameters = {"EndsAt": given_time, "GrantDistributionScope": "NONE"}
    assert serialize(operation_of("CreateDataGrant"), parameters).body == (
        f'{{"EndsAt": "{sent}", "GrantDistributionScope": "NONE"}}'.encode()
    )


def test_a_token_is_made_up_where_none_is_given() -> None:
    operation = operation_of("SendDataSetNotification")
    made_up = with_token(operation, {"DataSetId": "d", "Type": "DATA_DELAY"})
    assert uuid.UUID(made_up["ClientToken"]).version == 4
    assert with_token(operation, {"ClientToken": "mine"}) == {"ClientToken": "mine"}


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ClientError, match="surrogates not allowed"):
        serialize(operation_of("GetJob"), {"JobId": "a\udcff"})


def test_a_request_without_parameters_has_neither_query_nor_body() -> None:
    request = serialize(operation_of("ListJobs"), {})
    assert (request.path, request.query, request.body, request.headers) == ("/v1/jobs", None, b"", [])
    assert isinstance(request, Request)
