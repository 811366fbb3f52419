"""How the instance metadata service would be asked: settings only, the asking is botocore's."""

from __future__ import annotations

from entrepot.client.client_errors import SettingInvalid
from entrepot.client.endpoint import is_usable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from entrepot.client.configuration import Configuration


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
