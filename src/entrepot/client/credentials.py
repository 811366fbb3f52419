"""Whose keys a request is signed with: the places where keys are looked for, in the AWS CLI's order.

The usual ones are read here: variables, the two files, and the program that a profile names. What is rare
(roles, web identities, single sign-on, containers, instances) is left to botocore, which is imported only
when something asks for it. The last places are the data directory's profile and then the instance metadata:
nobody wrote those down, and looking for them costs a second on every machine that is none of EC2's.
"""

from __future__ import annotations

from entrepot.client.client_errors import CredentialsFailed, SettingInvalid
from entrepot.client.config_file import expand, expand_home, read_sections
from entrepot.client.endpoint import is_usable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from entrepot.client.config_file import Section
    from entrepot.client.configuration import Configuration

    class CredentialSource(Protocol):
        """Something that has keys now, and still has when they are asked for again later."""

        def current(self) -> Credentials:
            """The keys to sign the next request with. Raises ClientError where they cannot be had."""


class Credentials:
    """An access key, its secret, and the session token of a temporary one. It is its own source."""

    __slots__ = ("access_key_id", "secret_access_key", "session_token")

    def __init__(self, access_key_id: str, secret_access_key: str, session_token: str | None = None) -> None:
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.session_token = session_token or None

    def current(self) -> Credentials:
        return self


class MetadataSettings:
    """The settings; `timeout` is in seconds, `endpoint` None for the usual address."""

    __slots__ = ("attempts", "endpoint", "mode", "timeout", "v1_disabled")

    def __init__(self, configuration: Configuration) -> None:
        """Raises SettingInvalid, and ProfileNotFound where a file must be asked."""
        self.timeout = configuration.number("metadata_service_timeout", "AWS_METADATA_SERVICE_TIMEOUT", 1)
        self.attempts = configuration.number(
            "metadata_service_num_attempts", "AWS_METADATA_SERVICE_NUM_ATTEMPTS", 1
        )
        self.endpoint = configuration.setting(
            "ec2_metadata_service_endpoint", "AWS_EC2_METADATA_SERVICE_ENDPOINT"
        )
        self.mode = _mode(configuration)
        self.v1_disabled = configuration.flag("ec2_metadata_v1_disabled", "AWS_EC2_METADATA_V1_DISABLED")
        if self.endpoint and not is_usable(self.endpoint):
            raise SettingInvalid(f"Invalid endpoint EC2 Instance Metadata endpoint: {self.endpoint}")


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Whether the user said that there are no instance metadata to be asked for."""
    return environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"


def _mode(configuration: Configuration) -> str:
    given = configuration.setting(
        "ec2_metadata_service_endpoint_mode", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"
    )
    if given is None:
        return "ipv6" if configuration.flag("imds_use_ipv6", "AWS_IMDS_USE_IPV6") else "ipv4"
    if given.lower() not in ("ipv4", "ipv6"):
        raise SettingInvalid(
            f"Invalid EC2 Instance Metadata endpoint mode: {given}"
            " Valid endpoint modes (case-insensitive): ('ipv4', 'ipv6')."
        )
    return given.lower()


def find_credentials(configuration: Configuration, region: str | None) -> CredentialSource | None:
    """The first place that has keys; None where no place has any.

    Keys that take a request to get, except those of containers and instances, are fetched by the source
    when they are first needed. Raises ClientError where a place has only some of what it should have.
    """
    if not configuration.named_by_option:
        found = _from_environment(configuration)
        if found is not None:
            return found
    section = configuration.files().profiles.get(configuration.profile or "default", {})
    if _needs_session(section, configuration):
        from entrepot.client import session_credentials

        found = session_credentials.from_profile(configuration, region)
        if found is not None:
            return found
    for look in _LATER:
        found = look(configuration)
        if found is not None:
            return found
    return _from_network(configuration)


def check_single_sign_on(configuration: Configuration) -> None:
    """Raises SettingInvalid where the profile names an `sso-session` that is not there or not whole.

    The service is called with keys, not with tokens; but the AWS CLI looks at this for every command.
    """
    files = configuration.files()
    profile = configuration.profile or "default"
    name = files.profiles.get(profile, {}).get("sso_session")
    if name is None or files.config is None:
        return
    session = files.config.sso_sessions.get(str(name))
    start = f'The profile "{profile}" is configured to use the SSO token provider but '
    if not session:
        raise SettingInvalid(f'{start}the "{name}" sso_session configuration does not exist.')
    missing = [key for key in ("sso_start_url", "sso_region") if key not in session]
    if missing:
        raise SettingInvalid(f"{start}is missing the following configuration: {missing}.")


def _needs_session(section: Section, configuration: Configuration) -> bool:
    """Whether the profile has a role, a web identity or single sign-on, or the environment a web identity."""
    return (
        not section.keys().isdisjoint(
            ("role_arn", "web_identity_token_file", "sso_role_name", "sso_account_id")
        )
        or "AWS_WEB_IDENTITY_TOKEN_FILE" in configuration.environ
    )


def _from_environment(configuration: Configuration) -> CredentialSource | None:
    environ = configuration.environ
    access_key = environ.get("AWS_ACCESS_KEY_ID")
    if not access_key:
        return None
    secret_key = environ.get("AWS_SECRET_ACCESS_KEY")
    if not secret_key:
        raise partial("env", "AWS_SECRET_ACCESS_KEY")
    keys = Credentials(
        access_key, secret_key, environ.get("AWS_SECURITY_TOKEN") or environ.get("AWS_SESSION_TOKEN") or None
    )
    expiration = environ.get("AWS_CREDENTIAL_EXPIRATION")
    if not expiration:
        return keys
    from entrepot.client.expiring_credentials import ExpiringCredentials

    return ExpiringCredentials(keys, expiration, lambda: (keys, expiration))


def _from_credentials_file(configuration: Configuration) -> CredentialSource | None:
    sections = configuration.files().credentials or {}
    return _from_section("shared-credentials-file", sections.get(configuration.profile or "default", {}))


def _from_process(configuration: Configuration) -> CredentialSource | None:
    section = configuration.files().profiles.get(configuration.profile or "default", {})
    command = section.get("credential_process")
    if not isinstance(command, str):
        return None
    from entrepot.client.credential_process import run_credential_process

    return run_credential_process(command, configuration.environ)


def _from_config_file(configuration: Configuration) -> CredentialSource | None:
    config = configuration.files().config
    section = {} if config is None else config.profiles.get(configuration.profile or "default", {})
    return _from_section("config-file", section)


def _from_ec2_file(configuration: Configuration) -> CredentialSource | None:
    """The file of Amazon's first command line tools: lines of `AWSAccessKeyId=…` and `AWSSecretKey=…`."""
    path = configuration.environ.get("AWS_CREDENTIAL_FILE")
    if path is None:
        return None
    path = expand_home(path, configuration.environ)
    try:
        with open(path) as file:  # noqa: PTH123 - pathlib costs 5 ms of start
            lines = [line.split("=", 1) for line in file.read().splitlines() if "=" in line]
    except OSError as error:
        raise CredentialsFailed(f"The specified config file ({path}) could not be found.") from error
    found = {key.strip(): value.strip() for key, value in lines}
    if "AWSAccessKeyId" not in found:
        return None
    if "AWSSecretKey" not in found:
        raise CredentialsFailed("'AWSSecretKey'")
    return Credentials(found["AWSAccessKeyId"], found["AWSSecretKey"])


def _from_boto_file(configuration: Configuration) -> CredentialSource | None:
    """The file of boto, the library before botocore."""
    given = configuration.environ.get("BOTO_CONFIG")
    for path in ("/etc/boto.cfg", "~/.boto") if given is None else (given,):
        sections = read_sections(expand(path, configuration.environ)) or {}
        found = _from_section("boto-config", sections.get("Credentials", {}))
        if found is not None:
            return Credentials(found.access_key_id, found.secret_access_key)
    return None


def _from_container(configuration: Configuration) -> CredentialSource | None:
    environ = configuration.environ
    if (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in environ
        and "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in environ
    ):
        return None
    from entrepot.client import session_credentials

    return session_credentials.from_container(configuration)


def _from_data_directory(configuration: Configuration) -> CredentialSource | None:
    access_key = configuration.data_directory_setting("aws_access_key_id")
    secret_key = configuration.data_directory_setting("aws_secret_access_key")
    return None if access_key is None or secret_key is None else Credentials(access_key, secret_key)


def _from_network(configuration: Configuration) -> CredentialSource | None:
    if is_disabled(configuration.environ):
        return None
    from entrepot.client import session_credentials

    return session_credentials.from_instance(configuration)


_LATER: tuple[Callable[[Configuration], CredentialSource | None], ...] = (
    _from_credentials_file,
    _from_process,
    _from_config_file,
    _from_ec2_file,
    _from_boto_file,
    _from_container,
    _from_data_directory,
)
"""The places after the environment and after what a session with AWS gives, in order."""


def _from_section(place: str, section: Section) -> Credentials | None:
    access_key = section.get("aws_access_key_id")
    if access_key is None:
        return None
    if "aws_secret_access_key" not in section:
        raise partial(place, "aws_secret_access_key")
    token = section.get("aws_security_token", section.get("aws_session_token"))
    return Credentials(
        str(access_key), str(section["aws_secret_access_key"]), None if token is None else str(token)
    )


def partial(place: str, missing: str) -> CredentialsFailed:
    """The error that says that a place has only a part of the keys."""
    return CredentialsFailed(f"Partial credentials found in {place}, missing: {missing}")
