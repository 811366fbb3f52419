from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.grants import a_grant

from entrepot.domain.data_grant import (
    AcceptanceState,
    DataGrant,
    MaskedKind,
    require_acceptable,
    require_grantable,
)
from entrepot.domain.errors import Conflict, ValidationFailed
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

NOW = Timestamp(1_700_000_000_000)
IDS = st.binary(min_size=16, max_size=16).map(bytes.hex)
KINDS = st.sampled_from(list(MaskedKind))


def grant(
    id_mask: str = "a" * 32, ends_at: Timestamp | None = None, accepted_at: Timestamp | None = None
) -> DataGrant:
    return a_grant(
        NOW,
        scope=Scope("111111111111", "us-east-1"),
        id="1" * 32,
        receiver_id="222222222222",
        source_data_set_id="2" * 32,
        data_set_id="3" * 32,
        id_mask=id_mask,
        ends_at=ends_at,
        accepted_at=accepted_at,
    )


@given(IDS, IDS, KINDS)
def test_a_masked_id_leads_back_to_its_source(mask: str, source: str, kind: MaskedKind) -> None:
    through = grant(mask)
    masked = through.masked(kind, source)
    assert len(masked) == 32
    assert through.unmasked(kind, masked) == source


@given(IDS, IDS, IDS, IDS, KINDS)
def test_two_grants_of_the_same_things_have_nothing_in_common(
    one_mask: str, other_mask: str, first: str, second: str, kind: MaskedKind
) -> None:
    """Not even the difference of two ids, which would tell that they are of one data set."""
    if one_mask == other_mask or first == second:
        return
    one, other = grant(one_mask), grant(other_mask)

    def difference(through: DataGrant) -> int:
        return int(through.masked(kind, first), 16) ^ int(through.masked(kind, second), 16)

    assert one.masked(kind, first) != other.masked(kind, first)
    assert difference(one) != difference(other)


@given(IDS, IDS)
def test_a_revision_and_an_asset_of_one_id_are_masked_differently(mask: str, source: str) -> None:
    through = grant(mask)
    assert through.masked(MaskedKind.REVISION, source) != through.masked(MaskedKind.ASSET, source)


@pytest.mark.parametrize("text", ["", "x", "A" * 32, "0" * 31, "0" * 33, "é" * 32])
def test_what_is_no_id_is_nobodys(text: str) -> None:
    assert grant().unmasked(MaskedKind.ASSET, text) is None


def test_a_grant_gives_access_from_its_acceptance_to_its_end() -> None:
    end = NOW.plus_seconds(10)
    assert not grant(ends_at=end).gives_access(NOW)
    accepted = grant(ends_at=end, accepted_at=NOW)
    assert accepted.acceptance_state is AcceptanceState.ACCEPTED
    assert accepted.gives_access(Timestamp(end.milliseconds - 1))
    assert not accepted.gives_access(end)
    assert grant(accepted_at=NOW).gives_access(NOW.plus_seconds(10**9))


def test_a_grant_is_accepted_once_and_before_its_end() -> None:
    require_acceptable(grant(ends_at=NOW.plus_seconds(1)), NOW)
    with pytest.raises(Conflict, match="accepted already"):
        require_acceptable(grant(accepted_at=NOW), NOW)
    with pytest.raises(Conflict, match="has ended"):
        require_acceptable(grant(ends_at=NOW), NOW)


@pytest.mark.parametrize(
    ("receiver_id", "ends_at", "published", "problem"),
    [
        ("111111111111", None, True, "your own account"),
        ("222222222222", NOW, True, "in the past"),
        ("222222222222", None, False, "no finalized revision"),
    ],
)
def test_what_cannot_be_granted_is_refused_with_the_reason(
    receiver_id: str, ends_at: Timestamp | None, published: bool, problem: str
) -> None:
    with pytest.raises(ValidationFailed, match=problem):
        require_grantable(
            sender_id="111111111111",
            receiver_id=receiver_id,
            ends_at=ends_at,
            now=NOW,
            published=published,
        )
