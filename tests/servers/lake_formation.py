"""A data catalogue with LF-tags on moto: made, and looked at, as its owner would do it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import boto3

from entrepot.integrations.assumed_role import AssumedRoles
from entrepot.integrations.aws import AwsOptions, AwsService, AwsServices
from entrepot.integrations.lake_formation import AwsLakeFormation
from entrepot.sigv4.signature_parameters import Credentials

Grants = list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Catalog:
    """The catalogue of one account, through that account's own client."""

    account_id: str
    client: Any

    @property
    def role_arn(self) -> str:
        """A role of the account, which moto lets anybody assume."""
        return f"arn:aws:iam::{self.account_id}:role/exchange"

    def tag(self, *values: str) -> str:
        """A new LF-tag with these values; its key."""
        key = f"tag-{token_hex(6)}"
        self.client.create_lf_tag(CatalogId=self.account_id, TagKey=key, TagValues=list(values))
        return key

    def grants(self, tag_key: str) -> Grants:
        """(receiver, kind of resource, permissions, those it may pass on) by policies of that tag."""
        listed = self.client.list_permissions(CatalogId=self.account_id)["PrincipalResourcePermissions"]
        found = []
        for entry in listed:
            policy = entry["Resource"].get("LFTagPolicy")
            if policy is None or tag_key not in {tag["TagKey"] for tag in policy["Expression"]}:
                continue
            found.append(
                (
                    entry["Principal"]["DataLakePrincipalIdentifier"],
                    policy["ResourceType"],
                    tuple(sorted(entry["Permissions"])),
                    tuple(sorted(entry["PermissionsWithGrantOption"])),
                )
            )
        return sorted(found)


@contextmanager
def catalog_of(account_id: str, moto_url: str) -> Iterator[Catalog]:
    """The catalogue of an account, whose client has assumed a role of it."""
    with ExitStack() as stack:
        session = boto3.session.Session("testing", "testing", region_name="us-east-1")
        sts: Any = session.client("sts", endpoint_url=moto_url)
        stack.callback(sts.close)
        role = sts.assume_role(RoleArn=f"arn:aws:iam::{account_id}:role/owner", RoleSessionName="owner")
        given = role["Credentials"]
        client: Any = session.client(
            "lakeformation",
            endpoint_url=moto_url,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
        stack.callback(client.close)
        yield Catalog(account_id, client)


@contextmanager
def lake_formation_on(moto_url: str) -> Iterator[AwsLakeFormation]:
    """Lake Formation, Glue and STS as the exchange reaches them there."""
    services = (AwsService.LAKE_FORMATION, AwsService.GLUE, AwsService.STS)
    aws = AwsServices(AwsOptions(dict.fromkeys(services, moto_url), Credentials("testing", "testing")))
    try:
        yield AwsLakeFormation(aws, AssumedRoles(aws))
    finally:
        aws.close()
