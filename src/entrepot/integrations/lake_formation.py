"""AWS Lake Formation: are the tags of a policy there, who may use what is tagged, and who no longer may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from entrepot.domain.errors import IntegrationRefused
from entrepot.domain.lake_formation import LFCatalog, LFTag, LFTagPolicy, missing_from
from entrepot.integrations.assumed_role import AssumedRoles, LentRole
from entrepot.integrations.aws import AwsService, AwsServices, call, in_thread

_NOT_FOUND = "EntityNotFoundException"
_INVALID = "InvalidInputException"
_HAD_NOTHING = ("no permissions revoked", "does not have")
"""What Lake Formation says, as InvalidInputException, where there is nothing to take back [L]."""


class AwsLakeFormation:
    """Lake Formation, and Glue where it is configured, by botocore; every call runs in a thread."""

    def __init__(self, aws: AwsServices, roles: AssumedRoles) -> None:
        self._aws = aws
        self._roles = roles

    @in_thread
    def missing(self, catalog: LFCatalog, expression: Sequence[LFTag]) -> list[str]:
        client = self._client(catalog)
        known = []
        for tag in expression:
            try:
                answer = call(
                    AwsService.LAKE_FORMATION, client.get_lf_tag, CatalogId=catalog.catalog_id, TagKey=tag.key
                )
            except IntegrationRefused as refused:
                if refused.code != _NOT_FOUND:
                    raise
            else:
                known.append(LFTag(tag.key, tuple(answer.get("TagValues", ()))))
        self._require_readable(catalog)
        return missing_from(expression, known)

    def _require_readable(self, catalog: LFCatalog) -> None:
        """Raises where Glue is configured and does not let the catalogue be looked at.

        Whether anything in it matches is not asked: a policy is about what will be tagged later, too [G].
        """
        if not self._aws.is_configured(AwsService.GLUE):
            return
        glue = self._client(catalog, AwsService.GLUE)
        call(AwsService.GLUE, glue.get_databases, CatalogId=catalog.catalog_id, MaxResults=1)

    @in_thread
    def grant(self, policy: LFTagPolicy, receiver_id: str) -> None:
        client = self._client(policy.catalog)
        call(AwsService.LAKE_FORMATION, client.grant_permissions, **_parameters(policy, receiver_id))

    @in_thread
    def revoke(self, policy: LFTagPolicy, receiver_id: str) -> None:
        """Takes them back; fine where there are none, or where the tags are gone and all grants with them."""
        client = self._client(policy.catalog)
        try:
            call(AwsService.LAKE_FORMATION, client.revoke_permissions, **_parameters(policy, receiver_id))
        except IntegrationRefused as refused:
            words = refused.message.lower()
            nothing_there = refused.code == _INVALID and any(text in words for text in _HAD_NOTHING)
            if refused.code != _NOT_FOUND and not nothing_there:
                raise

    def _client(self, catalog: LFCatalog, service: AwsService = AwsService.LAKE_FORMATION) -> Any:
        owner = catalog.owner
        return self._roles.client(LentRole(catalog.role_arn, owner.account_id), service, owner.region)


def _parameters(policy: LFTagPolicy, receiver_id: str) -> dict[str, Any]:
    permissions = list(policy.permissions)
    return {
        "CatalogId": policy.catalog.catalog_id,
        "Principal": {"DataLakePrincipalIdentifier": receiver_id},
        "Resource": {
            "LFTagPolicy": {
                "CatalogId": policy.catalog.catalog_id,
                "ResourceType": policy.resource_type.value,
                "Expression": [
                    {"TagKey": tag.key, "TagValues": list(tag.values)} for tag in policy.expression
                ],
            }
        },
        "Permissions": permissions,
        # An account is no person: its administrator hands on what it was given [L].
        "PermissionsWithGrantOption": permissions,
    }
