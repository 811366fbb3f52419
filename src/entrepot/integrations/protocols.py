"""The external services that jobs, operations and entitlements use, as protocols.

A service that is None is not configured: whoever needs it says so, and names the setting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from entrepot.domain.api_call import ApiAnswer, ApiRequest
from entrepot.domain.api_endpoint import ApiTarget
from entrepot.domain.datashare import DatabaseLogin, DatashareArn, PostgresqlShare
from entrepot.domain.errors import IntegrationNotConfigured
from entrepot.domain.kms import DecryptGrant, KmsKey
from entrepot.domain.lake_formation import LFCatalog, LFTag, LFTagPolicy
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp


class LakeFormation(Protocol):
    """AWS Lake Formation. Every call raises `IntegrationRefused` or `IntegrationUnavailable`."""

    async def missing(self, catalog: LFCatalog, expression: Sequence[LFTag]) -> list[str]:
        """What of the expression the catalogue does not have, in words; empty where it has everything."""

    async def grant(self, policy: LFTagPolicy, receiver_id: str) -> None:
        """Gives the policy's permissions to an account; giving them again changes nothing."""

    async def revoke(self, policy: LFTagPolicy, receiver_id: str) -> None:
        """Takes them back; fine where there are none."""


class ApiCalls(Protocol):
    """The APIs behind API assets."""

    def target(self, api_id: str, stage: str, owner: Scope) -> ApiTarget | None:
        """Where calls of that account's API go; None where the setting does not say."""

    async def send(self, request: ApiRequest) -> ApiAnswer:
        """Sends a call, and returns when the head of the answer is there; the body must be closed.

        Raises `IntegrationError`s.
        """


class KeyManagement(Protocol):
    """AWS KMS. Every call raises `IntegrationRefused` or `IntegrationUnavailable`."""

    async def require_usable(self, key: KmsKey) -> None:
        """Raises `IntegrationRefused` unless the key can be granted."""

    async def grant(self, grant: DecryptGrant) -> str:
        """Gives the grant; its id. Giving it again changes nothing."""

    async def retire(self, key: KmsKey, grant_id: str) -> None:
        """Takes it back; fine where there is none."""

    async def find(self, grant: DecryptGrant) -> str | None:
        """The id of the grant, if it was given."""


class Redshift(Protocol):
    """Amazon Redshift. Every call raises `IntegrationRefused` or `IntegrationUnavailable`."""

    async def require_shareable(self, share: DatashareArn, owner: Scope) -> None:
        """Raises `IntegrationRefused` unless the share exists and the account may give it to others."""

    async def authorize(self, share: DatashareArn, consumer_id: str) -> None:
        """Lets an account be a consumer of the share; doing it again changes nothing.

        Raises `ShareGone` where there is no such share any more.
        """

    async def deauthorize(self, share: DatashareArn, consumer_id: str) -> None:
        """Takes that back; fine where it is not so, or where the share is gone."""


OpenShare = Callable[[PostgresqlShare], str]
"""What libpq connects with to the database of a share, with its password.

Raises `ConfigurationError` or `DatabaseUnavailable` where that cannot be had.
"""


class PostgresqlDatabases(Protocol):
    """The databases of datashares in PostgreSQL.

    Every call raises `IntegrationUnavailable` where a database cannot be used now, `ShareGone` where what is
    shared is no longer there, and `IntegrationRefused` where it cannot be granted.
    """

    async def check(self, share: PostgresqlShare) -> None:
        """Finds out whether the share could be given to somebody; changes nothing."""

    async def give(self, share: PostgresqlShare, role: str) -> None:
        """Makes the role, if there is none yet, and grants it what is shared now, and nothing else."""

    async def withdraw(self, share: PostgresqlShare, role: str) -> None:
        """Ends the role's sessions and drops it; fine where there is none."""

    async def let_in(
        self, share: PostgresqlShare, role: str, password: str, expires_at: Timestamp | None
    ) -> DatabaseLogin:
        """Gives the role this password in place of any other, and ends its sessions.

        Raises `IntegrationUnavailable` where there is no such role yet.
        """


@dataclass(frozen=True, slots=True)
class Integrations:
    """The services that this installation reaches."""

    lake_formation: LakeFormation | None = None
    key_management: KeyManagement | None = None
    redshift: Redshift | None = None
    postgresql: PostgresqlDatabases | None = None
    """None where this process was not given the key file that the databases' URLs are sealed with."""


def not_configured(full_name: str, setting: str) -> IntegrationNotConfigured:
    """The error for a service of that name, of which nobody has told this exchange where it is."""
    return IntegrationNotConfigured(
        f"This exchange is not connected to {full_name}. Whoever runs it can set {setting} on the server: "
        "to the URL of the service, or to aws for AWS's own."
    )
