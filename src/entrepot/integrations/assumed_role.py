"""Roles that users lend to the exchange, assumed through AWS STS for as long as they are needed.

The account that named the role is the external id of the assumption. So a provider's trust policy can demand
that nobody but its own account makes the exchange use the role: the remedy of AWS for confused deputies.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from entrepot.integrations.aws import CLIENTS_KEPT, AwsService, AwsServices, call
from entrepot.sigv4.signature_parameters import Credentials

SESSION_SECONDS = 900
"""The shortest that STS offers: a role that is no longer lent is soon no longer used."""
SECONDS_LEFT = 120
"""A session that ends sooner is renewed before it is used."""


@dataclass(frozen=True, slots=True)
class LentRole:
    """A role, and the account of this exchange that named it."""

    role_arn: str
    account_id: str


class AssumedRoles:
    """Makes clients that act in a lent role, and keeps them while the session lasts; any thread may ask."""

    def __init__(self, aws: AwsServices, clock: Callable[[], float] = time.monotonic) -> None:
        self._aws = aws
        self._clock = clock
        self._lock = threading.Lock()
        self._clients: OrderedDict[tuple[LentRole, AwsService, str], tuple[Any, float]] = OrderedDict()

    def client(self, role: LentRole, service: AwsService, region: str) -> Any:
        """botocore's client of a service, in the role; in the server's own name where STS is not configured.

        Raises `IntegrationNotConfigured`, `IntegrationRefused` and `IntegrationUnavailable`.
        """
        if not self._aws.is_configured(AwsService.STS):
            return self._aws.client(service, region)
        place = role, service, region
        with self._lock:
            client, good_until = self._clients.get(place, (None, 0.0))
        if client is not None and self._clock() < good_until:
            return client
        # Two threads may both come here; then each has a session of its own, and neither waits for the other.
        good_until = self._clock() + SESSION_SECONDS - SECONDS_LEFT
        client = self._aws.client_as(self._assume(role, region), service, region)
        with self._lock:
            self._clients[place] = client, good_until
            self._clients.move_to_end(place)
            if len(self._clients) > CLIENTS_KEPT:
                self._clients.popitem(last=False)
        return client

    def _assume(self, role: LentRole, region: str) -> Credentials:
        sts = self._aws.client(AwsService.STS, region)
        answer = call(
            AwsService.STS,
            sts.assume_role,
            RoleArn=role.role_arn,
            RoleSessionName=f"entrepot-{role.account_id}",
            ExternalId=role.account_id,
            DurationSeconds=SESSION_SECONDS,
        )
        given = answer["Credentials"]
        return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
