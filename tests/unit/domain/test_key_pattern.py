from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.asset import Asset
from entrepot.domain.data_set import AssetType, DataSet
from entrepot.domain.errors import ValidationFailed
from entrepot.domain.key_pattern import DEFAULT_KEY_PATTERN, KeyPattern
from entrepot.domain.revision import Revision
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

SCOPE = Scope("123456789012", "us-east-1")
CREATED_AT = Timestamp.parse("2021-02-08T16:33:19.787Z")
DATA_SET = DataSet(SCOPE, "d" * 32, AssetType.S3_SNAPSHOT, "Prices", "", CREATED_AT, CREATED_AT)
REVISION = Revision(SCOPE, DATA_SET.id, "e" * 32, CREATED_AT, CREATED_AT)
ASSET = Asset(
    scope=SCOPE,
    data_set_id=DATA_SET.id,
    revision_id=REVISION.id,
    id="a" * 32,
    asset_type=AssetType.S3_SNAPSHOT,
    name="2021/prices.csv",
    created_at=CREATED_AT,
    updated_at=CREATED_AT,
    size_bytes=1,
    store_key="assets/aa/a",
    store_etag="etag",
    checksum=None,
)


def key(pattern: str, asset: Asset = ASSET) -> str:
    return KeyPattern.parse(pattern).key(DATA_SET, REVISION, asset)


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("Asset.Id", "a" * 32),
        ("Asset.Name", "2021/prices.csv"),
        ("DataSet.Id", "d" * 32),
        ("DataSet.Name", "Prices"),
        ("Revision.Id", "e" * 32),
        ("Revision.CreatedAt", "2021-02-08T16:33:19.787Z"),
        ("Revision.CreatedAt.Year", "2021"),
        ("Revision.CreatedAt.Month", "02"),
        ("Revision.CreatedAt.Day", "08"),
    ],
)
def test_each_reference_stands_for_its_value(reference: str, value: str) -> None:
    assert key(f"<${{{reference}}}>${{Asset.Id}}") == f"<{value}>{'a' * 32}"


def test_the_default_is_the_name_of_the_asset() -> None:
    assert key(DEFAULT_KEY_PATTERN) == "2021/prices.csv"


def test_text_around_references_is_kept_as_it_is() -> None:
    assert key("$a//{b}/${Asset.Name}$/}") == "$a//{b}/2021/prices.csv$/}"


def test_a_name_that_looks_like_a_reference_is_not_replaced_again() -> None:
    assert key("${Asset.Name}", replace(ASSET, name="${Asset.Id}")) == "${Asset.Id}"


@pytest.mark.parametrize("pattern", ["", "prices.csv", "${Revision.Id}/${DataSet.Name}", "$Asset.Name"])
def test_a_pattern_that_does_not_tell_assets_apart_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationFailed, match=r"must contain \$\{Asset\.Name\} or \$\{Asset\.Id\}"):
        KeyPattern.parse(pattern)


@pytest.mark.parametrize(
    "unknown", ["", "asset.name", "Asset.Name ", "Revision.CreatedAt.Hour", "Asset", "${Asset.Name"]
)
def test_an_unknown_reference_is_refused_with_the_known_ones(unknown: str) -> None:
    with pytest.raises(ValidationFailed, match=r"unknown reference .*\$\{Revision\.CreatedAt\.Year\}"):
        KeyPattern.parse(f"${{Asset.Id}}${{{unknown}}}")


@pytest.mark.parametrize("pattern", ["${Asset.Id}/${Asset.Name", "${Asset.Id}${", "${"])
def test_a_reference_without_its_end_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationFailed, match="closing brace"):
        KeyPattern.parse(pattern)


@given(st.text())
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    try:
        pattern = KeyPattern.parse(text)
    except ValidationFailed:
        return
    assert ASSET.id in pattern.key(DATA_SET, REVISION, ASSET) or ASSET.name in key(text)


@given(st.text().filter(lambda text: "${" not in text and not text.endswith("$")))
def test_any_text_without_references_can_stand_before_one(text: str) -> None:
    assert key(text + "${Asset.Name}") == text + ASSET.name


@given(st.lists(st.sampled_from(["in/", "a b", "${Asset.Id}", "${Asset.Name}", "${Revision.Id}", "$", "}"])))
def test_every_key_begins_with_the_beginning_of_its_pattern(pieces: list[str]) -> None:
    pattern = KeyPattern.parse("".join(pieces) + "/${Asset.Id}")
    assert pattern.key(DATA_SET, REVISION, ASSET).startswith(pattern.beginning)
    assert "".join(pieces).startswith(pattern.beginning.removesuffix("/"))


def test_a_pattern_that_begins_with_a_reference_has_no_beginning_of_its_own() -> None:
    assert KeyPattern.parse("${Asset.Id}/in").beginning == ""
    assert KeyPattern.parse("in/${Asset.Id}").beginning == "in/"
