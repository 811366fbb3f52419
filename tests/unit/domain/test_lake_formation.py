from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.errors import AccessDenied, ValidationFailed
from entrepot.domain.lake_formation import (
    MAX_TAGS,
    MAX_VALUES,
    LFTag,
    missing_from,
    require_expression,
    require_own_catalog,
    require_permissions,
)

ACCOUNT, OTHER = "111122223333", "999988887777"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/path/exchange"


def test_an_account_shares_its_own_catalogue_through_its_own_role() -> None:
    require_own_catalog(ACCOUNT, ACCOUNT, ROLE)


@pytest.mark.parametrize(
    ("catalog_id", "role_arn", "words"),
    [
        (OTHER, ROLE, f"CatalogId {OTHER} is not this account"),
        (OTHER, f"arn:aws:iam::{OTHER}:role/exchange", f"CatalogId {OTHER} is not this account"),
        (ACCOUNT, f"arn:aws:iam::{OTHER}:role/exchange", f"a role of account {OTHER}"),
        # only the fifth field says whose a role is, whatever its path looks like
        (ACCOUNT, f"arn:aws:iam::{OTHER}:role/arn:aws:iam::{ACCOUNT}:role/x", f"a role of account {OTHER}"),
    ],
)
def test_anothers_catalogue_or_role_is_denied(catalog_id: str, role_arn: str, words: str) -> None:
    with pytest.raises(AccessDenied, match=words):
        require_own_catalog(ACCOUNT, catalog_id, role_arn)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ([], "Table.Expression has 0 LF-tags"),
        ([LFTag(f"k{number}", ("v",)) for number in range(MAX_TAGS + 1)], "has 51 LF-tags"),
        ([LFTag("k", ("v",)), LFTag("k", ("w",))], "names the TagKey 'k' twice"),
        ([LFTag("Env", ("v",)), LFTag("env", ("w",))], "names the TagKey 'env' twice"),
        ([LFTag("k", ())], "has 0 TagValues"),
        ([LFTag("k", tuple(f"v{number}" for number in range(MAX_VALUES + 1)))], "has 51 TagValues"),
        ([LFTag("k", ("v", "V"))], "given twice"),
        ([LFTag("", ("v",))], "1 to 128 characters"),
        ([LFTag("k" * 129, ("v",))], "1 to 128 characters"),
        ([LFTag("k", ("",))], "1 to 256 characters"),
        ([LFTag("k", ("v" * 257,))], "1 to 256 characters"),
    ],
)
def test_an_expression_that_lake_formation_could_not_look_for_is_refused(
    expression: list[LFTag], words: str
) -> None:
    with pytest.raises(ValidationFailed, match=words):
        require_expression("Table", expression)


def test_an_expression_at_its_bounds_is_fine() -> None:
    values = tuple(f"{number:0256}" for number in range(MAX_VALUES))
    require_expression("Table", [LFTag(f"{number:0128}", values) for number in range(MAX_TAGS)])


@pytest.mark.parametrize("permissions", [[], ["DESCRIBE", "DESCRIBE"]])
def test_permissions_are_named_once_each(permissions: list[str]) -> None:
    with pytest.raises(ValidationFailed, match=r"Database\.Permissions"):
        require_permissions("Database", permissions)
    require_permissions("Database", ["DESCRIBE", "SELECT"])


def test_all_that_the_catalogue_does_not_have_is_named() -> None:
    known = [LFTag("env", ("prod", "test")), LFTag("team", ("a",)), LFTag("empty", ())]
    expression = [
        LFTag("Env", ("PROD", "dev", "stage")),
        LFTag("team", ("a",)),
        LFTag("empty", ("x",)),
        LFTag("colour", ("red",)),
    ]
    assert missing_from(expression, known) == [
        "LF-tag 'Env' has no value 'dev', 'stage'",
        "there is no LF-tag 'empty'",
        "there is no LF-tag 'colour'",
    ]


_TAGS = st.lists(
    st.builds(LFTag, st.text(min_size=1, max_size=5), st.lists(st.text(max_size=3), min_size=1).map(tuple)),
    max_size=5,
    unique_by=lambda tag: tag.key.lower(),
)


@given(_TAGS)
def test_a_catalogue_has_what_it_has(tags: list[LFTag]) -> None:
    assert missing_from(tags, tags) == []
    assert len(missing_from(tags, [])) == len(tags)
