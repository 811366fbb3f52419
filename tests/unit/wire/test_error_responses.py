from __future__ import annotations

import json

import pytest

from entrepot.domain.errors import (
    AuthenticationFailed,
    Conflict,
    ResourceType,
    ServiceError,
    ServiceLimitExceeded,
    Throttled,
    ValidationFailed,
)
from entrepot.wire.responses import error_code, error_response, internal_error
from entrepot.wire.router import MethodNotAllowed

REQUEST_ID = "7a62c49f-347e-4fc4-9331-6e8e1b1f0d7c"


def test_an_error_has_its_name_in_a_header_and_its_message_twice() -> None:
    response = error_response(ValidationFailed("wrong"), REQUEST_ID)
    assert response.status == 400
    assert dict(response.headers) == {
        b"x-amzn-requestid": REQUEST_ID.encode(),
        b"x-amzn-errortype": b"ValidationException",
        b"content-type": b"application/json",
    }
    assert response.body == b'{"Message":"wrong","message":"wrong"}'


@pytest.mark.parametrize(
    ("error", "members"),
    [
        (
            Conflict("m", resource_id="i", resource_type=ResourceType.JOB),
            {"ResourceId": "i", "ResourceType": "JOB"},
        ),
        (Conflict("m", resource_id=None, resource_type=None), {}),
        (ServiceLimitExceeded("m", limit_name="l", limit_value=5), {"LimitName": "l", "LimitValue": 5.0}),
        (ValidationFailed("m", exception_cause="S3AccessDenied"), {"ExceptionCause": "S3AccessDenied"}),
    ],
)
def test_the_body_has_the_modelled_members_that_are_known(
    error: ServiceError, members: dict[str, object]
) -> None:
    assert json.loads(error_response(error, REQUEST_ID).body) == {"Message": "m", "message": "m"} | members


def test_a_limit_is_written_as_a_double() -> None:
    error = ServiceLimitExceeded("m", limit_name="l", limit_value=3000)
    assert b'"LimitValue":3000.0' in error_response(error, REQUEST_ID).body


def test_who_is_throttled_is_told_when_to_come_back() -> None:
    assert (b"retry-after", b"1") in error_response(Throttled("m"), REQUEST_ID).headers


def test_a_wrong_verb_is_answered_with_the_right_ones() -> None:
    response = error_response(MethodNotAllowed("m", ("GET", "POST")), REQUEST_ID)
    assert response.status == 400
    assert (b"allow", b"GET, POST") in response.headers


def test_a_refused_signature_has_the_code_of_its_reason() -> None:
    error = AuthenticationFailed("InvalidSignatureException", "m")
    assert error_code(error) == "InvalidSignatureException"
    response = error_response(error, REQUEST_ID)
    assert response.status == 403
    assert (b"x-amzn-errortype", b"InvalidSignatureException") in response.headers


def test_an_internal_error_names_the_request() -> None:
    assert REQUEST_ID in internal_error(REQUEST_ID).message


def test_a_message_with_half_a_character_can_still_be_told() -> None:
    assert json.loads(error_response(ValidationFailed("a\udcffb"), REQUEST_ID).body)["Message"] == "a?b"
