"""KMS grants on moto, through the port and through the keeper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from secrets import token_hex
from typing import Any

import boto3
import pytest
from tests.servers.scripted_http import answer, scripted_server

from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import IntegrationNotConfigured, IntegrationRefused, IntegrationUnavailable
from entrepot.domain.kms import DecryptGrant, KmsKey
from entrepot.domain.scope import Scope
from entrepot.entitlements.provisioning.provisioners import Entry, S3DataAccessProvisioner
from entrepot.integrations.aws import AwsOptions, AwsService, AwsServices
from entrepot.integrations.kms import AwsKeyManagement
from entrepot.model import shapes
from entrepot.sigv4.signature_parameters import Credentials

OWNER = Scope("123456789012", "eu-west-1")
RECEIVER = "210987654321"
NO_KEY = KmsKey(f"arn:aws:kms:eu-west-1:{OWNER.account_id}:key/{'0' * 8}-0000-0000-0000-{'0' * 12}")

pytestmark = pytest.mark.moto


@pytest.fixture
def aws(moto_url: str) -> Iterator[AwsServices]:
    services = AwsServices(AwsOptions({AwsService.KMS: moto_url}, Credentials("testing", "testing")))
    yield services
    services.close()


@pytest.fixture
def kms(aws: AwsServices) -> AwsKeyManagement:
    return AwsKeyManagement(aws)


@pytest.fixture
def provider(moto_url: str) -> Iterator[Any]:
    """The provider's own client of KMS."""
    session = boto3.session.Session("testing", "testing", region_name="eu-west-1")
    client = session.client("kms", endpoint_url=moto_url)
    yield client
    client.close()


@pytest.fixture
def key(provider: Any) -> KmsKey:
    return KmsKey(provider.create_key()["KeyMetadata"]["Arn"])


def grants_on(provider: Any, key: KmsKey) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = provider.list_grants(KeyId=key.arn)["Grants"]
    return listed


def grant_on(key: KmsKey) -> DecryptGrant:
    return DecryptGrant(key, f"entrepot-{token_hex(8)}", RECEIVER, "aws", "provider-bucket")


def entry_of(*keys: KmsKey, **changes: Any) -> Entry:
    named = [shapes.KmsKeyToGrant(kms_key_arn=key.arn) for key in keys] or None
    access = shapes.S3DataAccessAsset(bucket="provider-bucket", kms_keys_to_grant=named)
    plain = Entry(
        grant_id=token_hex(16),
        asset_id=token_hex(16),
        owner=OWNER,
        receiver_id=RECEIVER,
        entitled_data_set_id="d" * 32,
        entitled_asset_id="e" * 32,
        asset_type=AssetType.S3_DATA_ACCESS,
        details=shapes.AssetDetails(s3_data_access_asset=access),
    )
    return replace(plain, **changes)


async def test_a_grant_lets_the_receiver_decrypt_what_the_bucket_holds(
    kms: AwsKeyManagement, provider: Any, key: KmsKey
) -> None:
    grant = grant_on(key)
    grant_id = await kms.grant(grant)
    (made,) = grants_on(provider, key)
    assert made["GrantId"] == grant_id
    assert made["GranteePrincipal"] == f"arn:aws:iam::{RECEIVER}:root"
    assert made["Operations"] == ["Decrypt"]
    assert made["Constraints"] == {"EncryptionContextSubset": {"aws:s3:arn": "arn:aws:s3:::provider-bucket"}}
    assert made["Name"] == grant.name


async def test_granting_and_retiring_again_changes_nothing(
    kms: AwsKeyManagement, provider: Any, key: KmsKey
) -> None:
    grant = grant_on(key)
    grant_id = await kms.grant(grant)
    assert await kms.grant(grant) == grant_id
    assert len(grants_on(provider, key)) == 1
    assert await kms.find(grant) == grant_id
    for _ in range(2):
        await kms.retire(key, grant_id)
    assert grants_on(provider, key) == []
    assert await kms.find(grant) is None


async def test_grants_of_a_key_that_is_gone_need_no_retiring() -> None:
    gone = answer(400, b'{"__type": "NotFoundException", "message": "no such key"}')
    with scripted_server(gone, gone) as server:
        services = AwsServices(AwsOptions({AwsService.KMS: server.url}, Credentials("testing", "testing")))
        await AwsKeyManagement(services).retire(NO_KEY, "0" * 64)
        assert await AwsKeyManagement(services).find(grant_on(NO_KEY)) is None
        services.close()


async def test_only_an_enabled_key_that_is_there_can_be_granted(
    kms: AwsKeyManagement, provider: Any, key: KmsKey
) -> None:
    await kms.require_usable(key)
    with pytest.raises(IntegrationRefused, match="NotFoundException"):
        await kms.require_usable(NO_KEY)
    provider.disable_key(KeyId=key.arn.rpartition("/")[2])
    with pytest.raises(IntegrationRefused, match="its state is Disabled"):
        await kms.require_usable(key)
    signing = provider.create_key(KeyUsage="SIGN_VERIFY", CustomerMasterKeySpec="RSA_2048")
    with pytest.raises(IntegrationRefused, match="its usage SIGN_VERIFY"):
        await kms.require_usable(KmsKey(signing["KeyMetadata"]["Arn"]))


async def test_every_page_of_grants_is_looked_at() -> None:
    grant = grant_on(NO_KEY)
    first = b'{"Grants": [{"Name": "other", "GrantId": "1"}], "Truncated": true, "NextMarker": "m"}'
    second = f'{{"Grants": [{{"Name": "{grant.name}", "GrantId": "2"}}], "Truncated": false}}'.encode()
    with scripted_server(answer(200, first), answer(200, second)) as server:
        services = AwsServices(AwsOptions({AwsService.KMS: server.url}, Credentials("testing", "testing")))
        assert await AwsKeyManagement(services).find(grant) == "2"
        services.close()
        assert b'"Marker": "m"' in server.requests[1].body


async def test_a_service_that_fails_is_told_from_one_that_refuses() -> None:
    error = answer(500, b"{}")
    with scripted_server(*[error] * 3) as server:
        services = AwsServices(AwsOptions({AwsService.KMS: server.url}, Credentials("testing", "testing")))
        with pytest.raises(IntegrationUnavailable, match="AWS KMS"):
            await AwsKeyManagement(services).retire(NO_KEY, "1")
        services.close()


async def test_without_a_setting_its_name_is_told() -> None:
    with pytest.raises(IntegrationNotConfigured, match="ENTREPOT_KMS_ENDPOINT_URL"):
        await AwsKeyManagement(AwsServices(AwsOptions({}))).require_usable(NO_KEY)


# The keeper


async def test_each_receiver_has_grants_of_its_own_on_every_key(
    kms: AwsKeyManagement, provider: Any, key: KmsKey
) -> None:
    other = KmsKey(provider.create_key()["KeyMetadata"]["Arn"])
    provisioner = S3DataAccessProvisioner(kms)
    first, second = entry_of(key, other), entry_of(key, other, receiver_id="555555555555")
    given = [await provisioner.give(entry) for entry in (first, second)]
    for each in (key, other):
        assert {grant["GranteePrincipal"][13:25] for grant in grants_on(provider, each)} == {
            RECEIVER,
            "555555555555",
        }
    await provisioner.withdraw(first, given[0])
    for each in (key, other):
        (left,) = grants_on(provider, each)
        assert "555555555555" in left["GranteePrincipal"]
    await provisioner.withdraw(first, given[0])
    await provisioner.withdraw(second, given[1])
    assert grants_on(provider, key) == []


async def test_what_nobody_remembers_to_have_given_is_found_and_taken_back(
    kms: AwsKeyManagement, provider: Any, key: KmsKey
) -> None:
    provisioner, entry = S3DataAccessProvisioner(kms), entry_of(key)
    await provisioner.give(entry)
    await provisioner.withdraw(entry, None)
    assert grants_on(provider, key) == []
    await provisioner.withdraw(entry, None)


async def test_without_keys_nothing_is_asked() -> None:
    provisioner = S3DataAccessProvisioner(AwsKeyManagement(AwsServices(AwsOptions({}))))
    entry = entry_of()
    assert await provisioner.give(entry) == {}
    await provisioner.withdraw(entry, {})
    await provisioner.withdraw(entry, None)
