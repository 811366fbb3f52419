"""Keys that AWS itself lends: roles, web identities, single sign-on, containers, instances.

All of it is botocore's work, with the caches in `~/.aws` that the AWS CLI uses too; the order of the places
is that of `credentials.find_credentials`. Nothing else of the client imports botocore.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import botocore.config
import botocore.credentials
import botocore.exceptions
import botocore.session
import botocore.tokens
import botocore.utils

from entrepot.client.client_errors import (
    ClientError,
    CredentialsFailed,
    NoCredentials,
    NoRegion,
    ParameterError,
    ServiceAnswer,
)
from entrepot.client.config_file import expand_home
from entrepot.client.credentials import Credentials, MetadataSettings

if TYPE_CHECKING:
    from typing import Any

    from entrepot.client.configuration import Configuration


class BorrowedCredentials:
    """Keys that botocore fetches when they are needed, and again before they expire."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def current(self) -> Credentials:
        """The keys as they are now. Raises ClientError where AWS does not give any."""
        try:
            keys = self._source.get_frozen_credentials()
        except Exception as error:
            raise translated(error) from error
        return Credentials(keys.access_key, keys.secret_key, keys.token)


def from_profile(configuration: Configuration, region: str | None) -> BorrowedCredentials | None:
    """What the profile's role, web identity or single sign-on gives; None where it has none of them.

    No request is made before the keys are needed. Raises ClientError where the profile contradicts itself.
    """
    session = _session(configuration, region)
    cache = botocore.credentials.JSONFileCache(expand_home("~/.aws/cli/cache", configuration.environ))
    tokens = botocore.credentials.JSONFileCache(expand_home("~/.aws/sso/cache", configuration.environ))
    profile = configuration.profile or "default"
    files = configuration.files()
    config = {
        "profiles": files.profiles,
        "sso_sessions": {} if files.config is None else files.config.sso_sessions,
    }

    def client(service_name: str, **options: Any) -> Any:
        return session.create_client(service_name, **options)

    def load() -> dict[str, Any]:
        return config

    builder = botocore.credentials.ProfileProviderBuilder(
        session, cache=cache, region_name=region, sso_token_cache=tokens
    )
    instance = _instance_provider(configuration, session)
    providers = (
        botocore.credentials.AssumeRoleProvider(
            load_config=load,
            client_creator=client,
            cache=cache,
            profile_name=profile,
            credential_sourcer=botocore.credentials.CanonicalNameCredentialSourcer(
                [botocore.credentials.EnvProvider(), botocore.credentials.ContainerProvider(), instance]
            ),
            profile_provider_builder=builder,
        ),
        botocore.credentials.AssumeRoleWithWebIdentityProvider(
            load_config=load,
            client_creator=client,
            profile_name=profile,
            cache=cache,
            disable_env_vars=configuration.named_by_option,
        ),
        botocore.credentials.SSOProvider(
            load_config=load,
            client_creator=session.create_client,
            profile_name=profile,
            cache=cache,
            token_cache=tokens,
            token_provider=botocore.tokens.SSOTokenProvider(session, tokens, profile_name=profile),
        ),
    )
    for provider in providers:
        found = _load(provider)
        if found is not None:
            return found
    return None


def from_container(configuration: Configuration) -> BorrowedCredentials | None:
    """What the container's agent gives, asked at once. Raises ClientError where it does not answer."""
    return _load(botocore.credentials.ContainerProvider(environ=dict(configuration.environ)))


def from_instance(configuration: Configuration) -> BorrowedCredentials | None:
    """What the instance's metadata give, asked at once; None where this is no instance with a role."""
    return _load(_instance_provider(configuration, _session(configuration, None)))


def region_of_instance(configuration: Configuration) -> str | None:
    """The Region of the instance this runs on; None where it is none."""
    fetcher = botocore.utils.InstanceMetadataRegionFetcher(**_metadata_options(configuration))
    try:
        found = fetcher.retrieve_region()
    except Exception as error:
        raise translated(error) from error
    return None if found is None else str(found)


def translated(error: Exception) -> ClientError:
    """Botocore's error as one of ours, with the text that the AWS CLI prints for it."""
    if isinstance(error, botocore.exceptions.NoCredentialsError):
        return NoCredentials()
    if isinstance(error, botocore.exceptions.NoRegionError):
        return NoRegion()
    if isinstance(error, botocore.exceptions.ParamValidationError):
        return ParameterError(str(error))
    if isinstance(error, botocore.exceptions.ClientError):
        refusal = error.response.get("Error", {})
        metadata = error.response.get("ResponseMetadata", {})
        return ServiceAnswer(
            str(refusal.get("Code", "Unknown")),
            str(refusal.get("Message", "Unknown")),
            operation_name=error.operation_name,
            status=int(metadata.get("HTTPStatusCode", 400)),
            retries=metadata.get("RetryAttempts") if metadata.get("MaxAttemptsReached") else None,
        )
    return CredentialsFailed(str(error))


def _load(provider: Any) -> BorrowedCredentials | None:
    try:
        found = provider.load()
    except Exception as error:
        raise translated(error) from error
    return None if found is None else BorrowedCredentials(found)


def _session(configuration: Configuration, region: str | None) -> Any:
    session = botocore.session.Session()
    for name, value in (
        ("profile", configuration.profile),
        ("config_file", configuration.config_path),
        ("credentials_file", configuration.credentials_path),
        ("region", region),
        ("retry_mode", configuration.setting("retry_mode", "AWS_RETRY_MODE") or "standard"),
        ("max_attempts", configuration.number("max_attempts", "AWS_MAX_ATTEMPTS", 3)),
        ("sts_regional_endpoints", "regional"),
    ):
        if value is not None:
            session.set_config_variable(name, value)
    return session


def _instance_provider(configuration: Configuration, session: Any) -> Any:
    fetcher = botocore.utils.InstanceMetadataFetcher(
        user_agent=session.user_agent(), **_metadata_options(configuration)
    )
    return botocore.credentials.InstanceMetadataProvider(iam_role_fetcher=fetcher)


def _metadata_options(configuration: Configuration) -> dict[str, Any]:
    metadata = MetadataSettings(configuration)
    return {
        "timeout": metadata.timeout,
        "num_attempts": metadata.attempts,
        "env": dict(configuration.environ),
        "config": {
            "ec2_metadata_service_endpoint": metadata.endpoint,
            "ec2_metadata_service_endpoint_mode": metadata.mode,
            "ec2_metadata_v1_disabled": metadata.v1_disabled,
            "ec2_credential_refresh_window": 15 * 60,
        },
    }
