from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.servers.redshift import FakeRedshift, running_redshift

from entrepot.domain.datashare import DatashareArn
from entrepot.domain.errors import IntegrationRefused, IntegrationUnavailable, ShareGone
from entrepot.domain.scope import Scope
from entrepot.integrations.aws import AwsOptions, AwsService, AwsServices
from entrepot.integrations.redshift import AwsRedshift
from entrepot.sigv4.signature_parameters import Credentials

OWNER = Scope("111111111111", "us-east-1")
CONSUMER = "222222222222"
ARN = DatashareArn.parse(
    "arn:aws:redshift:us-east-1:111111111111:datashare:86b5169f-01dc-4a6f-9fbb-e2e24359e9a8/sales", "Arn"
)


@pytest.fixture(scope="module")
def service() -> Iterator[FakeRedshift]:
    with running_redshift() as service:
        yield service


@pytest.fixture
def redshift(service: FakeRedshift) -> FakeRedshift:
    service.shares = {str(ARN): {}}
    service.calls.clear()
    service.fails_with = None
    service.authorizes = True
    return service


def port(service: FakeRedshift, *, accounts_are_proven: bool = True) -> AwsRedshift:
    aws = AwsServices(AwsOptions({AwsService.REDSHIFT: service.url}, Credentials("AKIDEXAMPLE", "secret")))
    return AwsRedshift(aws, accounts_are_proven=accounts_are_proven)


async def test_a_consumer_is_let_in_once_and_again_where_somebody_shut_it_out(redshift: FakeRedshift) -> None:
    for _ in range(2):
        await port(redshift).authorize(ARN, CONSUMER)
    assert redshift.shares[str(ARN)] == {CONSUMER: "AUTHORIZED"}
    assert redshift.calls["AuthorizeDataShare"] == 1
    redshift.shares[str(ARN)][CONSUMER] = "DEAUTHORIZED"
    await port(redshift).authorize(ARN, CONSUMER)
    assert redshift.shares[str(ARN)] == {CONSUMER: "AUTHORIZED"}


async def test_an_authorization_without_effect_is_not_taken_for_one(redshift: FakeRedshift) -> None:
    redshift.authorizes = False
    with pytest.raises(IntegrationUnavailable, match="has not authorised"):
        await port(redshift).authorize(ARN, CONSUMER)


async def test_a_consumer_is_shut_out_once_and_nobody_minds_where_there_is_none(
    redshift: FakeRedshift,
) -> None:
    redshift.shares[str(ARN)] = {CONSUMER: "ACTIVE", "333333333333": "ACTIVE"}
    for _ in range(2):
        await port(redshift).deauthorize(ARN, CONSUMER)
    assert redshift.shares[str(ARN)] == {CONSUMER: "DEAUTHORIZED", "333333333333": "ACTIVE"}
    redshift.shares.clear()
    await port(redshift).deauthorize(ARN, CONSUMER)


async def test_a_share_that_is_not_there_is_gone(redshift: FakeRedshift) -> None:
    redshift.shares.clear()
    with pytest.raises(ShareGone, match="knows no datashare"):
        await port(redshift).require_shareable(ARN, OWNER)
    with pytest.raises(ShareGone):
        await port(redshift).authorize(ARN, CONSUMER)


async def test_an_account_that_is_proven_shares_its_own_alone(redshift: FakeRedshift) -> None:
    stranger = Scope("999999999999", "us-east-1")
    await port(redshift).require_shareable(ARN, OWNER)
    with pytest.raises(IntegrationRefused) as refused:
        await port(redshift).require_shareable(ARN, stranger)
    assert refused.value.denied
    assert not isinstance(refused.value, ShareGone)
    await port(redshift, accounts_are_proven=False).require_shareable(ARN, stranger)


async def test_failures_are_told_from_refusals(redshift: FakeRedshift) -> None:
    redshift.fails_with = (403, "AccessDenied")
    with pytest.raises(IntegrationRefused, match="Allow redshift:DescribeDataShares"):
        await port(redshift).authorize(ARN, CONSUMER)
    redshift.fails_with = (400, "Throttling")
    with pytest.raises(IntegrationUnavailable):
        await port(redshift).deauthorize(ARN, CONSUMER)
