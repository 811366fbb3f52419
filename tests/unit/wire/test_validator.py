from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.domain.errors import ValidationFailed
from entrepot.model import shapes
from entrepot.model.loader import load_model
from entrepot.model.service_model import Kind, Location, Shape
from entrepot.wire.parser import Parsed
from entrepot.wire.validator import MOST_VIOLATIONS_LISTED, Validator

MODEL = load_model()
ID = "0" * 32


def refusal(shape: str, values: dict[str, Any], *, doubtful: bool = False) -> str:
    with pytest.raises(ValidationFailed) as refused:
        Validator(shape, MODEL).validate(Parsed(values, doubtful))
    return refused.value.message


def test_one_violation_is_told_as_aws_tells_it() -> None:
    assert refusal("GetJobRequest", {"JobId": "x"}) == (
        "1 validation error detected: Value 'x' at 'jobId' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9]{30,40}"
    )


def test_all_violations_are_told_at_once_with_their_places() -> None:
    sources = [{"Bucket": "b"}, {"Bucket": 5, "Key": "k"}]
    details = {"ImportAssetsFromS3": {"AssetSources": sources, "DataSetId": ID}}
    message = refusal("CreateJobRequest", {"Details": details, "Type": "NONE"})
    start, *others = message.split("; ")
    place = "details.importAssetsFromS3"
    null = "failed to satisfy constraint: Member must not be null"
    assert start == f"4 validation errors detected: Value null at '{place}.assetSources.1.member.key' {null}"
    assert others[0] == (
        f"Value '5' at '{place}.assetSources.2.member.bucket' "
        "failed to satisfy constraint: Member must be a string"
    )
    assert others[1] == f"Value null at '{place}.revisionId' {null}"
    assert others[2].startswith(
        "Value 'NONE' at 'type' failed to satisfy constraint: Member must satisfy enum value"
    )


def test_an_optional_member_may_be_null_and_a_required_one_may_not() -> None:
    assert Validator("CreateRevisionRequest", MODEL).validate(
        Parsed({"DataSetId": ID, "Comment": None}, doubtful=False)
    ) == shapes.CreateRevisionRequest(data_set_id=ID)
    assert "Value null at 'dataSetId'" in refusal("CreateRevisionRequest", {"DataSetId": None})


@pytest.mark.parametrize(
    ("shape", "values", "words"),
    [
        ("GetJobRequest", {"JobId": ""}, "regular expression|length greater than or equal to 1"),
        ("GetEventActionRequest", {"EventActionId": ""}, "length greater than or equal to 1"),
        ("GetEventActionRequest", {"EventActionId": "a\0"}, "must not contain the character NUL"),
        ("GetEventActionRequest", {"EventActionId": "\udcff"}, "must be encoded as UTF-8"),
        (
            "TagResourceRequest",
            {"ResourceArn": "a", "tags": {"a\0": "b"}},
            "must not contain the character NUL",
        ),
        (
            "TagResourceRequest",
            {"ResourceArn": "a", "tags": {"a": "b\0"}},
            r"Value 'b\\0' at 'tags.a.member'",
        ),
    ],
)
def test_what_no_type_forbids_is_refused_where_there_is_doubt(
    shape: str, values: dict[str, Any], words: str
) -> None:
    message = refusal(shape, values, doubtful=True)
    assert message.startswith("1 validation error detected: ")
    with pytest.raises(ValidationFailed, match=words):
        Validator(shape, MODEL).validate(Parsed(values, doubtful=True))


def test_long_and_deep_values_are_shown_in_short() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert "Value '…' at 'name'" in refusal("UpdateDataSetRequest", {"DataSetId": ID, "Name": deep})
    while deep:  # taken apart by hand: freeing it at once would recurse as deeply
        deep = deep.pop()
    assert len(refusal("UpdateDataSetRequest", {"DataSetId": "x" * 1_000_000})) < 500


def test_a_flood_of_violations_is_cut_off() -> None:
    sources = [None] * 100_000
    details = {"ImportAssetsFromS3": {"AssetSources": sources, "DataSetId": ID, "RevisionId": ID}}
    message = refusal("CreateJobRequest", {"Details": details, "Type": "IMPORT_ASSETS_FROM_S3"})
    assert message.startswith(f"More than {MOST_VIOLATIONS_LISTED} validation errors detected: ")
    assert message.count("must not be null") == MOST_VIOLATIONS_LISTED


# No NUL and no lone surrogate: these the thorough pass alone refuses, and the parser's doubt leads there.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
    st.lists(TEXT, max_size=2),
    st.dictionaries(TEXT, TEXT, max_size=2),
)


def values_of(shape: Shape) -> st.SearchStrategy[Any]:
    """Mostly valid values of a shape, and now and then something else in any place."""
    match shape.kind:
        case Kind.STRUCTURE:
            required = {m.key: member_values(m.shape, m.location) for m in shape.members if m.required}
            optional = {m.key: member_values(m.shape, m.location) for m in shape.members if not m.required}
            valid: st.SearchStrategy[Any] = st.fixed_dictionaries(required, optional=optional)
        case Kind.LIST:
            valid = st.lists(values_of(MODEL.shapes[shape.item or ""]), max_size=3)
        case Kind.MAP:
            valid = st.dictionaries(TEXT, values_of(MODEL.shapes[shape.item or ""]), max_size=3)
        case Kind.STRING if shape.enum:
            valid = st.sampled_from(shape.enum)
        case Kind.STRING if shape.anchored:
            valid = st.one_of(st.from_regex(shape.anchored.replace(r"\A(?a:", r"\A(?:")), TEXT)
        case Kind.STRING:
            valid = st.one_of(
                TEXT, st.sampled_from([0, 1, 9, 10, 512, 513]).map(lambda size: "\U0001f600" * size)
            )
        case Kind.INTEGER:
            valid = st.integers(-1, 202)
        case Kind.DOUBLE:
            valid = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
        case Kind.BOOLEAN:
            valid = st.booleans()
        case Kind.TIMESTAMP:
            valid = st.one_of(
                st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
                st.floats(allow_nan=False, allow_infinity=False),
                st.integers(),
            )
    return st.integers(0, 19).flatmap(lambda chance: JUNK if chance == 0 else valid)


def member_values(name: str, location: Location) -> st.SearchStrategy[Any]:
    values = values_of(MODEL.shapes[name])
    return values.filter(lambda value: value != "") if location is Location.URI else values


INPUTS = sorted({operation.input for operation in MODEL.operations.values()})
STRATEGIES = {name: values_of(MODEL.shapes[name]) for name in INPUTS}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(INPUTS).flatmap(lambda name: st.tuples(st.just(name), STRATEGIES[name])))
def test_both_passes_accept_the_same_requests(request_: tuple[str, Any]) -> None:
    name, values = request_
    if not isinstance(values, dict):
        return
    validator = Validator(name, MODEL)
    try:
        validator.validate(Parsed(values, doubtful=False))
        accepted = True
    except ValidationFailed:
        accepted = False
    assert accepted == (not list(validator.violations(values)))
