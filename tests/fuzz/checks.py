"""What must be true of every answer, and what of one is not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
from tests.fuzz.requests import MODEL
from tests.fuzz.sending import Answer, Request

from entrepot.model import shapes

_ID = re.compile(r"[0-9a-f]{32}")
_MARK = re.compile(r"mark-[0-9a-f]{16}")
_NO_BODY = frozenset({"HEAD"})
BEFORE_THE_OPERATION = frozenset(
    {
        "AccessDeniedException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "ResourceNotFoundException",
        "ThrottlingException",
        "UnknownOperationException",
        "UnrecognizedClientException",
        "ValidationException",
    }
)
"""Errors common to all of AWS's services: of the path, the body and the signature."""
OF_S3 = frozenset(
    {
        "AccessDenied",
        "AuthorizationHeaderMalformed",
        "AuthorizationQueryParametersError",
        "BadDigest",
        "EntityTooLarge",
        "IncompleteBody",
        "InvalidAccessKeyId",
        "InvalidArgument",
        "InvalidBucketOwnerAWSAccountID",
        "InvalidPartNumber",
        "InvalidDigest",
        "InvalidRange",
        "InvalidRequest",
        "InvalidToken",
        "InvalidURI",
        "KeyTooLongError",
        "MalformedXML",
        "MetadataTooLarge",
        "MethodNotAllowed",
        "MissingContentLength",
        "NoSuchBucket",
        "NoSuchKey",
        "NotImplemented",
        "PreconditionFailed",
        "RequestTimeTooSkewed",
        "RequestTimeout",
        "SignatureDoesNotMatch",
        "SlowDown",
        "XAmzContentSHA256Mismatch",
    }
)


def wrong_in(request: Request, answer: Answer, known: Mapping[str, str]) -> Iterator[str]:
    """What is not as it must be. `known` says whose an identifier is."""
    if answer.status == 0:
        if request.cut_after is None:
            yield "no answer"
        return
    of_s3 = request.what.startswith(("S3 ", "signed URL "))
    if answer.status >= 500 and not (of_s3 and answer.status == 501):  # S3's own: NotImplemented
        yield f"a failure of the server: {answer.status} {answer.body[:300]!r}"
    if request.refused and answer.status < 400:
        yield f"{answer.status} to somebody who has proven nothing"
    yield from _foreign(request, answer, known)
    if request.method not in _NO_BODY:
        yield from _unreadable(request, answer)


def _foreign(request: Request, answer: Answer, known: Mapping[str, str]) -> Iterator[str]:
    """What is another account's; what the request itself has named is only repeated."""
    if request.what.startswith("signed URL") and not request.refused:
        return  # whoever has the URL may have what is behind it
    said = answer.body.decode("utf-8", "replace") + repr(answer.headers)
    named = request.target + request.body.decode("utf-8", "replace") + repr(request.headers)
    for mark in set(_MARK.findall(said)) - {request.mark} - set(_MARK.findall(named)):
        yield f"tells what is {mark}'s"
    for identifier in set(_ID.findall(said)) - set(_ID.findall(named)):
        if known.get(identifier, request.mark) != request.mark:
            yield f"tells the identifier {identifier} of {known[identifier]}"


def _unreadable(request: Request, answer: Answer) -> Iterator[str]:
    kind = answer.headers.get("content-type", "")
    if answer.status >= 400 and "xml" in kind:
        yield from _unknown_s3_error(answer)
    elif answer.status >= 400 and "json" in kind:
        yield from _unknown_error(request, answer)
    elif answer.status >= 400 and answer.body and request.what != "SendApiAsset":
        yield from _plain_refusal(answer)
    elif request.what in MODEL.operations and request.what != "SendApiAsset":
        yield from _no_output(request, answer)
    elif request.what == "S3 list" and answer.status == 200:
        try:
            ET.fromstring(answer.body)
        except ET.ParseError as error:
            yield f"a listing that is no XML: {error}"


def _unknown_s3_error(answer: Answer) -> Iterator[str]:
    try:
        code = ET.fromstring(answer.body).findtext("Code")
    except ET.ParseError as error:
        yield f"an error that is no XML: {error}"
    else:
        if code not in OF_S3:
            yield f"an error that S3 does not have: {code}"


def _unknown_error(request: Request, answer: Answer) -> Iterator[str]:
    said = _parsed(answer.body)
    if not isinstance(said, dict) or not isinstance(said.get("message"), str):
        yield f"an error without a message: {answer.body[:300]!r}"
        return
    code = answer.headers.get("x-amzn-errortype", "")
    operation = MODEL.operations.get(request.what)
    declared = frozenset() if operation is None else frozenset(operation.errors)
    if code not in declared | BEFORE_THE_OPERATION and answer.status < 500:
        yield f"an error that {request.what} does not have: {code}"


def _plain_refusal(answer: Answer) -> Iterator[str]:
    """What is not HTTP is refused before anybody knows whether JSON or XML is wanted."""
    if answer.status != 400 or answer.headers.get("connection") != "close":
        yield f"an error of an unknown form: {answer.status} {answer.body[:300]!r}"


def _no_output(request: Request, answer: Answer) -> Iterator[str]:
    operation = MODEL.operations[request.what]
    if answer.status != operation.status:
        yield f"{answer.status} instead of {operation.status}"
    elif operation.output is None or not MODEL.shapes[operation.output].members:
        if answer.body:
            yield f"a body where there is none: {answer.body[:300]!r}"
    else:
        try:
            shapes.decode(answer.body, shapes.structure(operation.output))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            yield f"an answer that the model does not allow: {error}: {answer.body[:300]!r}"


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
