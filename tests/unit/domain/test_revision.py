from __future__ import annotations

from dataclasses import replace

import pytest

from entrepot.domain.errors import Conflict, ResourceType, ValidationFailed
from entrepot.domain.revision import (
    Revision,
    require_assets_removable,
    require_finalizable,
    require_open,
    require_revocable,
    require_updatable,
)
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

NOW = Timestamp(1_600_000_000_000)
OPEN = Revision(Scope("123456789012", "us-east-1"), "d" * 32, "e" * 32, NOW, NOW, comment="first")
FINALIZED = replace(OPEN, finalized=True)
REVOKED = replace(FINALIZED, revoked_at=NOW, revocation_comment="wrong numbers")


def conflict_names_the_revision(caught: pytest.ExceptionInfo[Conflict]) -> bool:
    return (caught.value.resource_id, caught.value.resource_type) == (OPEN.id, ResourceType.REVISION)


def test_a_revision_is_revoked_once_it_has_a_moment_of_revocation() -> None:
    assert not OPEN.revoked
    assert not FINALIZED.revoked
    assert REVOKED.revoked


def test_an_open_revision_takes_assets() -> None:
    require_open(OPEN, "importing assets")


@pytest.mark.parametrize(("revision", "word"), [(FINALIZED, "finalized"), (REVOKED, "revoked")])
def test_a_closed_revision_takes_none(revision: Revision, word: str) -> None:
    with pytest.raises(Conflict, match=f"is {word}; importing assets") as caught:
        require_open(revision, "importing assets")
    assert conflict_names_the_revision(caught)


@pytest.mark.parametrize("revision", [OPEN, REVOKED, replace(OPEN, revoked_at=NOW)])
def test_assets_may_be_deleted_from_open_and_revoked_revisions(revision: Revision) -> None:
    require_assets_removable(revision)


def test_assets_may_not_be_deleted_from_a_finalized_revision() -> None:
    with pytest.raises(Conflict, match="deleting an asset") as caught:
        require_assets_removable(FINALIZED)
    assert conflict_names_the_revision(caught)


@pytest.mark.parametrize(
    ("revision", "comment", "finalized"),
    [
        (OPEN, None, None), (OPEN, "second", None), (OPEN, "second", True), (OPEN, None, False),
        (FINALIZED, None, None), (FINALIZED, None, True), (FINALIZED, None, False),
        (FINALIZED, "first", None), (FINALIZED, "second", False),
        (REVOKED, None, None), (REVOKED, "first", True),
    ],
)  # fmt: skip
def test_an_update_that_is_allowed(revision: Revision, comment: str | None, finalized: bool | None) -> None:
    require_updatable(revision, comment=comment, finalized=finalized)


@pytest.mark.parametrize(
    ("revision", "comment", "finalized"),
    [
        (FINALIZED, "second", None), (FINALIZED, "second", True), (FINALIZED, "", None),
        (REVOKED, "second", None), (REVOKED, "second", False), (REVOKED, None, False),
    ],
)  # fmt: skip
def test_an_update_that_is_a_conflict(
    revision: Revision, comment: str | None, finalized: bool | None
) -> None:
    with pytest.raises(Conflict) as caught:
        require_updatable(revision, comment=comment, finalized=finalized)
    assert conflict_names_the_revision(caught)


def test_a_revision_is_finalized_with_at_least_one_asset() -> None:
    require_finalizable(OPEN, 1)
    with pytest.raises(ValidationFailed, match="no assets"):
        require_finalizable(OPEN, 0)


@pytest.mark.parametrize("revision", [FINALIZED, REVOKED])
def test_a_finalized_revision_can_be_revoked_and_revoked_again(revision: Revision) -> None:
    require_revocable(revision)


def test_an_open_revision_cannot_be_revoked() -> None:
    with pytest.raises(Conflict, match="not finalized") as caught:
        require_revocable(OPEN)
    assert conflict_names_the_revision(caught)
