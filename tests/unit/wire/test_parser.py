from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.errors import ValidationFailed
from entrepot.http.messages import Header, HttpRequest
from entrepot.model.loader import load_model
from entrepot.wire.parser import Parsed, Parser, decode_object

MODEL = load_model()


def parse(
    operation: str,
    body: bytes = b"",
    query: bytes = b"",
    headers: tuple[Header, ...] = (),
    **parameters: str,
) -> Parsed:
    request = HttpRequest("POST", "/", query, headers, body)
    return Parser(MODEL.operations[operation], MODEL).parse(request, parameters)


def test_body_and_path_are_one_mapping() -> None:
    parsed = parse("UpdateDataSet", b'{"Name":"n","Colour":"red"}', DataSetId="d")
    assert parsed == Parsed({"Name": "n", "Colour": "red", "DataSetId": "d"}, doubtful=False)


def test_the_body_cannot_stand_in_for_the_path() -> None:
    assert parse("UpdateDataSet", b'{"DataSetId":"body"}', DataSetId="path").values == {"DataSetId": "path"}
    assert parse("UpdateDataSet", b'{"DataSetId":"body"}').values == {}


@pytest.mark.parametrize("operation", ["GetJob", "StartJob", "CancelJob", "ListJobs", "UntagResource"])
def test_a_body_nobody_reads_is_ignored(operation: str) -> None:
    assert parse(operation, b"\xff not json {", JobId="j").values == {"JobId": "j"}


def test_an_empty_body_is_an_empty_object() -> None:
    assert parse("CreateDataSet").values == {}


def test_query_numbers_are_read_and_the_rest_stays_text() -> None:
    assert parse("ListJobs", query=b"maxResults=20&nextToken=7&dataSetId=a%20b+c%2Bd").values == {
        "MaxResults": 20,
        "NextToken": "7",
        "DataSetId": "a b c+d",
    }


@pytest.mark.parametrize("text", ["ten", "", "1.0", "1e3", "1_0", "\u0661", " 1", "9" * 40])
def test_what_is_no_whole_number_stays_text_for_the_validator(text: str) -> None:
    assert parse("ListJobs", query=b"maxResults=" + text.encode()).values["MaxResults"] != 10
    assert isinstance(parse("ListJobs", query=b"maxResults=" + text.encode()).values["MaxResults"], str)


def test_repeated_query_keys_make_a_list() -> None:
    assert parse("UntagResource", query=b"tagKeys=a&tagKeys=&tagKeys=b%26").values == {
        "TagKeys": ["a", "", "b&"]
    }
    assert parse("ListReceivedDataGrants", query=b"acceptanceState=ACCEPTED").values == {
        "AcceptanceState": ["ACCEPTED"]
    }


def test_unknown_and_broken_query_parts_are_ignored() -> None:
    assert parse("ListJobs", query=b"&&=&x=1&MaxResults=3&=4&nextToken").values == {"NextToken": ""}


def test_an_api_asset_is_called_with_headers_query_and_raw_body() -> None:
    parsed = parse(
        "SendApiAsset",
        b'{"any": "text"} \xc3\xa9',
        b"page=2&q=a%20b",
        (
            (b"x-amzn-dataexchange-asset-id", b"a"),
            (b"x-amzn-dataexchange-data-set-id", b"d"),
            (b"x-amzn-dataexchange-revision-id", b"r"),
            (b"x-amzn-dataexchange-http-method", b"PUT"),
            (b"x-amzn-dataexchange-path", b"/p"),
            (b"x-amzn-dataexchange-header-accept", b"text/plain"),
            (b"host", b"exchange"),
        ),
    )
    assert parsed.values == {
        "Body": '{"any": "text"} é',
        "QueryStringParameters": {"page": "2", "q": "a b"},
        "AssetId": "a",
        "DataSetId": "d",
        "RevisionId": "r",
        "Method": "PUT",
        "Path": "/p",
        "RequestHeaders": {"accept": "text/plain"},
    }


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not valid JSON"),
        (b"{} {}", "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":1e999}', "not valid JSON"),
        (b'{"a":' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"a":"\\ud800"}', "not valid JSON"),
        (b'{"a":"\\udc00\\ud800"}', "not valid JSON"),
        (b'{"a":"\x00"}', "not valid JSON"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "UTF-8"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b"1", "must be a JSON object"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_body_that_cannot_be_read_is_refused_in_clear_words(body: bytes, words: str) -> None:
    with pytest.raises(ValidationFailed, match=words):
        parse("CreateDataSet", body)


@pytest.mark.parametrize(
    ("arguments", "doubtful"),
    [
        ({"operation": "GetJob", "JobId": ""}, True),
        ({"operation": "GetJob", "JobId": "\0"}, True),
        ({"operation": "GetJob", "JobId": "\udcff"}, True),
        ({"operation": "GetJob", "JobId": "plain"}, False),
        ({"operation": "CreateDataSet", "body": b'{"Name":"a\\u0000"}'}, True),
        ({"operation": "CreateDataSet", "body": b'{"Name":"plain"}'}, False),
        ({"operation": "ListJobs", "query": b"nextToken=%00"}, True),
        ({"operation": "ListJobs", "query": b"nextToken=\xff"}, True),
        ({"operation": "ListJobs", "query": b"nextToken=plain"}, False),
        ({"operation": "SendApiAsset", "body": b"\xff"}, True),
        ({"operation": "SendApiAsset", "body": b"plain"}, False),
        ({"operation": "SendApiAsset", "headers": ((b"x-amzn-dataexchange-path", b"\xff"),)}, True),
        ({"operation": "SendApiAsset", "headers": ((b"x-amzn-dataexchange-header-a", b"\xff"),)}, True),
        ({"operation": "SendApiAsset", "query": b"%ff=1"}, True),
    ],
    ids=ascii,
)
def test_text_that_needs_a_second_look_is_marked(arguments: dict[str, Any], doubtful: bool) -> None:
    assert parse(**arguments).doubtful is doubtful


@given(st.binary())
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    try:
        content = decode_object(body)
    except ValidationFailed as refused:
        content = {"message": refused.message}
    assert isinstance(content, dict)


@given(st.binary())
def test_any_query_is_read(query: bytes) -> None:
    assert parse("ListJobs", query=query).values.keys() <= {
        "MaxResults",
        "NextToken",
        "DataSetId",
        "RevisionId",
    }
