from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.arn import Arn, asset_arn, data_set_arn, job_arn, revision_arn
from entrepot.domain.scope import Scope

DATA_SET, REVISION, ASSET = "d" * 32, "e" * 32, "f" * 32
SCOPE = Scope("123456789012", "eu-west-1")
PREFIX = "arn:aws:dataexchange:eu-west-1:123456789012:"

scopes = st.builds(
    Scope,
    st.text("0123456789", min_size=12, max_size=12),
    st.sampled_from(["us-east-1", "cn-north-1", "us-gov-west-1"]),
    st.sampled_from(["aws", "aws-cn", "aws-us-gov"]),
)
identifiers = st.text("0123456789abcdefABCDEF", min_size=30, max_size=40)


def test_arns_have_the_documented_forms() -> None:
    assert data_set_arn(SCOPE, DATA_SET) == f"{PREFIX}data-sets/{DATA_SET}"
    assert revision_arn(SCOPE, DATA_SET, REVISION) == f"{PREFIX}data-sets/{DATA_SET}/revisions/{REVISION}"
    assert (
        asset_arn(SCOPE, DATA_SET, REVISION, ASSET)
        == f"{PREFIX}data-sets/{DATA_SET}/revisions/{REVISION}/assets/{ASSET}"
    )
    assert job_arn(SCOPE, ASSET) == f"{PREFIX}jobs/{ASSET}"


@pytest.mark.parametrize(
    ("kind", "make", "count"),
    [
        ("data_set", data_set_arn, 1),
        ("revision", revision_arn, 2),
        ("asset", asset_arn, 3),
        ("job", job_arn, 1),
    ],
)
@given(scope=scopes, ids=st.tuples(identifiers, identifiers, identifiers))
def test_parsing_gives_back_what_an_arn_was_made_of(
    kind: str, make: Callable[..., str], count: int, scope: Scope, ids: tuple[str, str, str]
) -> None:
    arn = Arn.parse(make(scope, *ids[:count]))
    assert arn == Arn(scope.partition, scope.region, scope.account_id, kind, ids[:count])


@pytest.mark.parametrize("kind", ["event-actions", "data-grants"])
def test_event_actions_and_data_grants_are_known(kind: str) -> None:
    arn = Arn.parse(f"{PREFIX}{kind}/{DATA_SET}")
    assert (arn.kind, arn.ids) == (kind.removesuffix("s").replace("-", "_"), (DATA_SET,))


def test_an_entitled_arn_has_no_account() -> None:
    assert Arn.parse(f"arn:aws:dataexchange:us-east-1::data-sets/{DATA_SET}").account_id == ""


@pytest.mark.parametrize(
    "text",
    [
        "", "arn", DATA_SET,
        f"arn:aws:s3:eu-west-1:123456789012:data-sets/{DATA_SET}",
        f"arn:aws:dataexchange:eu-west-1:12345:data-sets/{DATA_SET}",
        f"arn:aws:dataexchange::123456789012:data-sets/{DATA_SET}",
        f"{PREFIX}data-sets/x", f"{PREFIX}data-sets/{DATA_SET}/", f"{PREFIX}data-sets/{DATA_SET}\n",
        f"{PREFIX}data-sets/{DATA_SET}/assets/{ASSET}", f"{PREFIX}revisions/{REVISION}",
        f"{PREFIX}products/{DATA_SET}", f" {PREFIX}data-sets/{DATA_SET}",
    ],
)  # fmt: skip
def test_what_is_no_arn_of_this_service_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not the ARN"):
        Arn.parse(text)
