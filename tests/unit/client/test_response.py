"""Answers are read as botocore reads them, whatever a service may send."""

from __future__ import annotations

import json
import socket
from itertools import product
from typing import Any

import botocore.parsers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.client.botocore_oracle import FEW, OPERATIONS, SERVICE, answers, operation_of

from entrepot.client.client_errors import UnreadableAnswer
from entrepot.client.command_line_model import Operation
from entrepot.client.response import as_sent, parse_error, parse_output
from entrepot.client.timestamp import to_iso8601
from entrepot.http.answer import Answer, Incoming

_PARSERS = botocore.parsers.ResponseParserFactory()
_PARSERS.set_parser_defaults(timestamp_parser=to_iso8601)
_PARSER = _PARSERS.create_parser("rest-json")
WITH_OUTPUT = [operation for operation in OPERATIONS if operation.output is not None]
GET_JOB = operation_of("GetJob")


def answer(status: int, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(f"HTTP/1.1 {status} whatever\r\n{lines}\r\n".encode("latin-1"))
        made = Answer(Incoming(ours), like_http_client=True)
    made.body = body
    return made


def _botocore_reads(operation: Operation, body: bytes, headers: dict[str, str]) -> Any:
    pieces = {"body": body, "headers": headers, "status_code": 200, "context": {"operation_name": ""}}
    try:
        parsed = _PARSER.parse(pieces, SERVICE.operation_model(operation.name).output_shape)
    except Exception as error:  # noqa: BLE001 - whatever it is: the CLI prints its text
        return str(error)
    parsed.pop("ResponseMetadata")
    return parsed


def _we_read(operation: Operation, body: bytes, headers: dict[str, str]) -> Any:
    try:
        return parse_output(operation, answer(200, body, headers))
    except UnreadableAnswer as error:
        return error.message


@pytest.mark.parametrize("operation", WITH_OUTPUT, ids=lambda operation: operation.command)
@FEW
@given(data=st.data())
def test_what_is_modelled_is_read_as_botocore_reads_it(operation: Operation, data: st.DataObject) -> None:
    assert operation.output is not None
    body = json.dumps(data.draw(answers(operation.output))).encode()
    read = _we_read(operation, body, {})
    expected = _botocore_reads(operation, body, {})
    assert json.dumps(read) == json.dumps(expected)  # the order counts


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   \n",
        b"{}",
        b"null",
        b"[]",
        b"[1]",
        b'"text"',
        b"42",
        b"true",
        b"<html></html>",
        b'{"Id": "cut',
    ],
)
def test_a_body_that_is_no_object_is_read_as_botocore_reads_it(body: bytes) -> None:
    assert _we_read(GET_JOB, body, {}) == _botocore_reads(GET_JOB, body, {})


@pytest.mark.parametrize(
    "content",
    [
        {"Details": "oops"},
        {"Details": []},
        {"Errors": "oops"},
        {"Errors": {"Code": "X"}},
        {"Errors": {}},
        {"Errors": 5},
        {"Errors": ["oops"]},
        {"Errors": [None]},
        {"CreatedAt": "never"},
        {"CreatedAt": ["2023-01-17T18:53:30Z"]},
        {"CreatedAt": True},
    ],
)
def test_wrong_types_end_as_they_do_in_botocore(content: dict[str, Any]) -> None:
    body = json.dumps(content).encode()
    assert _we_read(GET_JOB, body, {}) == _botocore_reads(GET_JOB, body, {})


@pytest.mark.parametrize("body", [b'{"Id": "\xff"}', b"\x1f\x8b\x08", b"[" * 100_000])
def test_what_cannot_be_decoded_is_an_error_with_pythons_words(body: bytes) -> None:
    with pytest.raises(UnreadableAnswer) as raised:
        parse_output(GET_JOB, answer(200, body))
    assert "decod" in raised.value.message


def test_an_answer_of_an_api_gives_headers_first_and_its_body_as_text() -> None:
    operation = operation_of("SendApiAsset")
    headers = {"Content-Type": "text/xml", "X-One": "1"}
    read = parse_output(operation, answer(200, "<größe/>".encode(), headers))
    assert list(read.items()) == [("ResponseHeaders", headers), ("Body", "<größe/>")]


def test_an_operation_without_output_gives_nothing_whatever_is_sent() -> None:
    assert parse_output(operation_of("CancelJob"), answer(204, b'{"Id": "x"}')) == {}


def test_timestamps_can_be_left_as_they_were_sent() -> None:
    body = b'{"CreatedAt": 1673981610, "UpdatedAt": "2023-01-17T18:53:30+05:30"}'
    assert parse_output(GET_JOB, answer(200, body), as_sent) == {
        "CreatedAt": 1673981610,
        "UpdatedAt": "2023-01-17T18:53:30+05:30",
    }


BODIES = [
    b"",
    b"{}",
    b'{"message": "lower", "Message": "upper"}',
    b'{"Message": "upper", "Code": "Upper"}',
    b'{"message": null, "code": "Lower", "__type": "a#Type"}',
    b'{"message": 42, "__type": "com.amazonaws#Type"}',
    b'{"Message": {"a": 1}, "__type": ""}',
    b"<html><body>Bad Gateway</body></html>",
    b"  <html>",
    b"{cut off",
    "Größe".encode(),
]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-amzn-errortype": "InHeader:http://internal"},
        {"x-amzn-query-error": "InQueryError;Sender"},
        {"x-amzn-query-error": "halved"},
    ],
)
def test_an_error_says_what_botocore_takes_from_it(headers: dict[str, str]) -> None:
    for status, body in product([301, 304, 400, 404, 429, 500, 503, 599], BODIES):
        pieces = {"body": body, "headers": headers, "status_code": status, "context": {}}
        error = _PARSER.parse(pieces, SERVICE.operation_model("GetJob").output_shape)["Error"]
        expected = (f"{error.get('Code', 'Unknown')}", f"{error.get('Message', 'Unknown')}")
        assert parse_error(answer(status, body, headers)) == expected, (status, body)


def test_a_type_that_is_null_is_no_code() -> None:
    assert parse_error(answer(400, b'{"__type": null}')) == ("", "")


def test_the_name_space_before_a_code_in_the_header_stays() -> None:
    assert parse_error(answer(400, b"", {"x-amzn-ErrorType": "com.amazonaws#Validation"}))[0] == (
        "com.amazonaws#Validation"
    )


def test_status_300_is_an_error_that_says_nothing() -> None:
    assert parse_error(answer(300, b'{"Message": "Choices"}')) == ("Unknown", "Unknown")


@pytest.mark.parametrize("body", [b"[1, 2]", b'{"code": []}', b'{"__type": 5}', b'{"Message": "\xff"}'])
def test_an_error_that_cannot_be_read_is_one_of_its_own(body: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        parse_error(answer(400, body))
