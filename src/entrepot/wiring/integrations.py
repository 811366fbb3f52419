"""The services outside of the exchange, as the settings name them; none is loaded before it is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from entrepot.domain.datashare import PostgresqlShare
from entrepot.integrations.protocols import Integrations, OpenShare, PostgresqlDatabases
from entrepot.settings.settings import Settings
from entrepot.settings.values import AWS_ENDPOINT
from entrepot.sigv4.signature_parameters import Credentials
from entrepot.wiring.shared import Secrets

if TYPE_CHECKING:
    from entrepot.integrations.aws import AwsServices


_Made = TypeVar("_Made")


def make_aws_services(settings: Settings) -> AwsServices:
    from entrepot.integrations.aws import AwsOptions, AwsService, AwsServices

    endpoints = {
        AwsService.REDSHIFT: settings.redshift_endpoint_url,
        AwsService.LAKE_FORMATION: settings.lake_formation_endpoint_url,
        AwsService.GLUE: settings.glue_endpoint_url,
        AwsService.KMS: settings.kms_endpoint_url,
        AwsService.EVENT_BRIDGE: settings.event_bridge_endpoint_url,
        AwsService.STS: settings.sts_endpoint_url,
    }
    key_id, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    return AwsServices(
        AwsOptions(
            {
                service: None if endpoint == AWS_ENDPOINT else endpoint
                for service, endpoint in endpoints.items()
                if endpoint is not None
            },
            Credentials(key_id, secret, settings.aws_session_token) if key_id and secret else None,
            settings.ca_bundle,
        )
    )


def make_integrations(
    aws: AwsServices, secrets: Secrets | None = None, *, accounts_are_proven: bool = True
) -> Integrations:
    """What jobs and provisioners may ask; what is not configured is None.

    `accounts_are_proven`: whoever calls the API has proved which account it is.
    """
    from entrepot.integrations.assumed_role import AssumedRoles
    from entrepot.integrations.aws import AwsService
    from entrepot.integrations.kms import AwsKeyManagement
    from entrepot.integrations.lake_formation import AwsLakeFormation
    from entrepot.integrations.redshift import AwsRedshift

    def configured(service: AwsService, made: Callable[[], _Made]) -> _Made | None:
        return made() if aws.is_configured(service) else None

    return Integrations(
        lake_formation=configured(
            AwsService.LAKE_FORMATION, lambda: AwsLakeFormation(aws, AssumedRoles(aws))
        ),
        key_management=configured(AwsService.KMS, lambda: AwsKeyManagement(aws)),
        redshift=configured(
            AwsService.REDSHIFT, lambda: AwsRedshift(aws, accounts_are_proven=accounts_are_proven)
        ),
        postgresql=None if secrets is None else make_postgresql(secrets),
    )


def make_postgresql(secrets: Secrets) -> PostgresqlDatabases:
    """The databases of datashares, whose URLs the secrets open."""
    from entrepot.integrations.postgresql import LatePostgresql

    return LatePostgresql(share_opener(secrets))


def share_opener(secrets: Secrets) -> OpenShare:
    def open_share(share: PostgresqlShare) -> str:
        from entrepot.database.postgresql import connection_text

        return connection_text(secrets.open(share.encrypted_database_url, share.arn).decode())[0]

    return open_share
