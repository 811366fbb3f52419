"""Datashares of Amazon Redshift, by its own API: looked at, opened to accounts, and closed again."""

from __future__ import annotations

from typing import Any

from entrepot.domain.datashare import DatashareArn
from entrepot.domain.errors import IntegrationRefused, IntegrationUnavailable, ShareGone
from entrepot.domain.scope import Scope
from entrepot.integrations.aws import AwsService, AwsServices, call, in_thread

_OPEN = frozenset({"AUTHORIZED", "ACTIVE", "AVAILABLE"})
"""Associations with a consumer who may use the share now."""
_GONE = frozenset({"ResourceNotFoundFault", "InvalidDataShareFault", "InvalidDataShare"})


class AwsRedshift:
    def __init__(self, aws: AwsServices, *, accounts_are_proven: bool) -> None:
        """`accounts_are_proven`: callers have proved who they are, so that shares can be told theirs."""
        self._aws = aws
        self._accounts_are_proven = accounts_are_proven

    @in_thread
    def require_shareable(self, share: DatashareArn, owner: Scope) -> None:
        """Raises `IntegrationRefused` unless the share exists and the account may give it to others.

        The server's own credentials may well see the shares of many producers. So an account that proved who
        it is may name its own alone [G].
        """
        if self._accounts_are_proven and share.owner.account_id != owner.account_id:
            raise IntegrationRefused(
                f"Datashare {share} is of account {share.owner.account_id}; "
                f"account {owner.account_id} can share its own datashares only.",
                denied=True,
            )
        self._described(share)

    @in_thread
    def authorize(self, share: DatashareArn, consumer_id: str) -> None:
        if _is_open(self._described(share), consumer_id):
            return
        answer = self._call("authorize_data_share", share, ConsumerIdentifier=consumer_id)
        if not _is_open(answer, consumer_id):
            raise IntegrationUnavailable(
                f"Amazon Redshift has not authorised account {consumer_id} for datashare {share} yet."
            )

    @in_thread
    def deauthorize(self, share: DatashareArn, consumer_id: str) -> None:
        try:
            if _is_open(self._described(share), consumer_id):
                self._call("deauthorize_data_share", share, ConsumerIdentifier=consumer_id)
        except ShareGone:
            return

    def _described(self, share: DatashareArn) -> dict[str, Any]:
        """Raises `ShareGone`."""
        for found in self._call("describe_data_shares", share).get("DataShares", []):
            if found.get("DataShareArn") == str(share):
                described: dict[str, Any] = found
                return described
        raise _gone(share)

    def _call(self, method: str, share: DatashareArn, **parameters: str) -> dict[str, Any]:
        client = self._aws.client(AwsService.REDSHIFT, share.owner.region)
        try:
            return call(AwsService.REDSHIFT, getattr(client, method), DataShareArn=str(share), **parameters)
        except IntegrationRefused as error:
            if error.code in _GONE:
                raise _gone(share) from error
            raise


def _is_open(share: dict[str, Any], consumer_id: str) -> bool:
    return any(
        association.get("ConsumerIdentifier") == consumer_id and association.get("Status") in _OPEN
        for association in share.get("DataShareAssociations", [])
    )


def _gone(share: DatashareArn) -> ShareGone:
    return ShareGone(f"Amazon Redshift knows no datashare {share}; check its ARN, and that it still exists.")
