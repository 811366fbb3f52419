"""AWS KMS: may a key be used, and who may decrypt with it."""

from __future__ import annotations

from typing import Any

from entrepot.domain.errors import IntegrationRefused
from entrepot.domain.kms import DecryptGrant, KmsKey
from entrepot.integrations.aws import AwsService, AwsServices, call, in_thread

_NOT_THERE = frozenset({"NotFoundException", "InvalidGrantIdException"})
_ENCRYPTION = "ENCRYPT_DECRYPT"
_PAGE = 100


class AwsKeyManagement:
    """KMS by botocore, with the server's own credentials; every call runs in a thread."""

    def __init__(self, aws: AwsServices) -> None:
        self._aws = aws

    @in_thread
    def require_usable(self, key: KmsKey) -> None:
        answer = call(AwsService.KMS, self._client(key).describe_key, KeyId=key.arn)
        found = answer["KeyMetadata"]
        state, usage = found.get("KeyState"), found.get("KeyUsage") or _ENCRYPTION
        if state != "Enabled" or usage != _ENCRYPTION:
            raise IntegrationRefused(
                f"KMS key {key.arn} cannot be granted: its state is {state} and its usage {usage}. "
                "Name an enabled key that encrypts."
            )

    @in_thread
    def grant(self, grant: DecryptGrant) -> str:
        # The name makes a repetition harmless at AWS, for a while; what else speaks KMS may not know that.
        known = self._find(grant)
        if known is not None:
            return known
        answer = call(
            AwsService.KMS,
            self._client(grant.key).create_grant,
            KeyId=grant.key.arn,
            GranteePrincipal=grant.grantee_arn,
            Operations=["Decrypt"],
            Constraints={"EncryptionContextSubset": grant.encryption_context},
            Name=grant.name,
        )
        grant_id: str = answer["GrantId"]
        return grant_id

    @in_thread
    def retire(self, key: KmsKey, grant_id: str) -> None:
        try:
            call(AwsService.KMS, self._client(key).retire_grant, KeyId=key.arn, GrantId=grant_id)
        except IntegrationRefused as refused:
            if refused.code not in _NOT_THERE:
                raise

    def _find(self, grant: DecryptGrant) -> str | None:
        client, more = self._client(grant.key), dict[str, str]()
        while True:
            try:
                answer = call(AwsService.KMS, client.list_grants, KeyId=grant.key.arn, Limit=_PAGE, **more)
            except IntegrationRefused as refused:
                if refused.code not in _NOT_THERE:
                    raise
                return None
            for entry in answer["Grants"]:
                if entry.get("Name") == grant.name:
                    return str(entry["GrantId"])
            if not answer.get("Truncated"):
                return None
            more = {"Marker": answer["NextMarker"]}

    find = in_thread(_find)

    def _client(self, key: KmsKey) -> Any:
        return self._aws.client(AwsService.KMS, key.region)
