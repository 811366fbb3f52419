from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.access_point import (
    EXCHANGE_ACCOUNT_ID,
    AliasedAsset,
    access_point_alias,
    access_point_arn,
    aliased_asset,
    asset_of_host_label,
)
from entrepot.domain.scope import Scope

DATA_SET, ASSET = "8d494cba5e4720e5f6072e280daf70a8", "8550cfab16b444a794402f2c3f11eae1"
ALIAS = access_point_alias(DATA_SET, ASSET)

ids = st.binary(min_size=16, max_size=16).map(bytes.hex)


@given(ids, ids)
def test_an_alias_leads_back_to_its_data_set_and_asset(data_set_id: str, asset_id: str) -> None:
    alias = access_point_alias(data_set_id, asset_id)
    assert aliased_asset(alias) == AliasedAsset(data_set_id, asset_id)


@given(ids, ids)
def test_an_alias_is_a_name_that_a_bucket_may_have(data_set_id: str, asset_id: str) -> None:
    alias = access_point_alias(data_set_id, asset_id)
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", alias)
    assert len(alias) == 60
    assert alias.endswith("-s3alias")


@given(st.text(max_size=64) | st.from_regex(r"\A[a-z2-7]{52}-s3alias\Z"))
def test_no_two_names_mean_the_same_asset(name: str) -> None:
    asset = aliased_asset(name)
    assert asset is None or access_point_alias(*asset) == name


@pytest.mark.parametrize(
    "name",
    ["", "bucket", ALIAS.upper(), ALIAS + "\n", ALIAS[1:], "a" + ALIAS, ALIAS.removesuffix("-s3alias")],
)  # fmt: skip
def test_what_is_no_alias_names_nothing(name: str) -> None:
    assert aliased_asset(name) is None


@pytest.mark.parametrize("bad", ["", "x" * 32, DATA_SET.upper(), DATA_SET + "0", "../" + DATA_SET])
def test_an_alias_is_made_of_identifiers_alone(bad: str) -> None:
    with pytest.raises(ValueError, match="hex digits"):
        access_point_alias(bad, ASSET)
    with pytest.raises(ValueError, match="hex digits"):
        access_point_alias(DATA_SET, bad)


@given(ids, st.sampled_from([("us-east-1", "aws"), ("cn-north-1", "aws-cn")]))
def test_an_arn_leads_back_to_its_asset(asset_id: str, where: tuple[str, str]) -> None:
    region, partition = where
    arn = access_point_arn(Scope("", region, partition), asset_id)
    assert arn.startswith(f"arn:{partition}:s3:{region}:{EXCHANGE_ACCOUNT_ID}:accesspoint/")
    assert asset_of_host_label(f"{arn.rpartition('/')[2]}-{EXCHANGE_ACCOUNT_ID}") == asset_id


def test_the_arn_has_the_documented_form() -> None:
    arn = access_point_arn(Scope("123456789012", "eu-west-1"), ASSET)
    uuid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert re.fullmatch(rf"arn:aws:s3:eu-west-1:\d{{12}}:accesspoint/{uuid}", arn)


def test_the_host_that_clients_make_of_an_arn_names_the_asset() -> None:
    name = access_point_arn(Scope("", "us-east-1"), ASSET).rpartition("/")[2]
    assert asset_of_host_label(f"{name}-{EXCHANGE_ACCOUNT_ID}") == ASSET
    assert asset_of_host_label(name) is None
    assert asset_of_host_label(f"{name}-123456789012") is None
