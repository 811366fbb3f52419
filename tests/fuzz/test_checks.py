"""What `make fuzz` looks for in an answer, it finds."""

from __future__ import annotations

import pytest
from tests.fuzz.checks import wrong_in
from tests.fuzz.sending import Answer, Request

MINE, THEIRS = f"mark-{'1' * 16}", f"mark-{'2' * 16}"
THEIR_ID = "ab" * 16
JOB = f"arn:aws:dataexchange:us-east-1:111122223333:jobs/{'c' * 32}"
JSON = {"content-type": "application/json"}
ASKED = Request("GetJob", "GET", f"/v1/jobs/{'c' * 32}", {}, mark=MINE)
JOB_BODY = (
    f'{{"Arn":"{JOB}","CreatedAt":"2024-01-01T00:00:00Z","Details":{{}},"Id":"{"c" * 32}",'
    '"State":"%s","Type":"IMPORT_ASSETS_FROM_S3","UpdatedAt":"2024-01-01T00:00:00Z"}'
)
GOOD = JOB_BODY.replace("%s", "WAITING").encode()
STRANGER = Request("stranger", "GET", "/v1/jobs", {}, refused=True)
TAMPERED = Request("signed URL get", "GET", "/entrepot/objects/a", {}, mark=MINE, refused=True)


def found(request: Request, answer: Answer) -> str:
    return "; ".join(wrong_in(request, answer, {THEIR_ID: THEIRS}))


@pytest.mark.parametrize(
    ("request_", "answer", "what"),
    [
        (ASKED, Answer(0, {}, b""), "no answer"),
        (ASKED, Answer(500, JSON, b'{"message": "m"}'), "a failure of the server"),
        (STRANGER, Answer(200, JSON, b"{}"), "proven nothing"),
        (TAMPERED, Answer(200, {}, b"bytes"), "proven nothing"),
        (ASKED, Answer(200, JSON, GOOD + THEIRS.encode()), f"tells what is {THEIRS}'s"),
        (
            ASKED,
            Answer(404, JSON, f'{{"message": "{THEIR_ID}"}}'.encode()),
            f"tells the identifier {THEIR_ID}",
        ),
        (ASKED, Answer(200, JSON, JOB_BODY.replace("%s", "SLEEPING").encode()), "the model does not allow"),
        (ASKED, Answer(200, JSON, b"[" * 9), "the model does not allow"),
        (ASKED, Answer(201, JSON, GOOD), "201 instead of 200"),
        (ASKED, Answer(400, JSON, b"{}"), "without a message"),
        (ASKED, Answer(409, JSON | {"x-amzn-errortype": "Odd"}, b'{"message": "m"}'), "does not have: Odd"),
        (TAMPERED, Answer(403, {"content-type": "application/xml"}, b"<Error>"), "no XML"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_found(request_: Request, answer: Answer, what: str) -> None:
    assert what in found(request_, answer)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (ASKED, Answer(200, JSON, GOOD)),
        (ASKED, Answer(404, JSON | {"x-amzn-errortype": "ResourceNotFoundException"}, b'{"message": "m"}')),
        (Request("GetJob", "GET", f"/v1/jobs/{THEIR_ID}", {}, mark=MINE), Answer(200, JSON, GOOD)),
        (STRANGER, Answer(403, JSON | {"x-amzn-errortype": "AccessDeniedException"}, b'{"message": "m"}')),
    ],
)
def test_a_good_answer_is_left_alone(request_: Request, answer: Answer) -> None:
    assert found(request_, answer) == ""
