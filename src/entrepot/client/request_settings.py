"""How requests are made: retries, and settings that this service has no use for and that must be valid."""

from __future__ import annotations

from entrepot.client.client_errors import SettingInvalid
from entrepot.client.configuration import integer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from entrepot.client.configuration import Configuration

DEFAULT_ATTEMPTS = 3
_CHECKSUMS = ("when_supported", "when_required")


def read_retries(configuration: Configuration) -> tuple[int, str]:
    """How often a request is tried (at least once), and the retry mode: `standard` or `adaptive`.

    Raises SettingInvalid for these and for what else the AWS CLI checks between reading and judging them.
    """
    attempts = configuration.number("max_attempts", "AWS_MAX_ATTEMPTS", DEFAULT_ATTEMPTS)
    mode = configuration.setting("retry_mode", "AWS_RETRY_MODE")
    _check_compression(configuration)
    for key, variable in (
        ("request_checksum_calculation", "AWS_REQUEST_CHECKSUM_CALCULATION"),
        ("response_checksum_validation", "AWS_RESPONSE_CHECKSUM_VALIDATION"),
    ):
        _check_checksums(key, configuration.setting(key, variable))
    _check_addressing(configuration)
    if attempts < 1:
        raise SettingInvalid(
            f'Value provided to "max_attempts": {attempts} must be an integer greater than or equal to one.'
        )
    if mode is not None and mode not in ("standard", "adaptive"):
        raise SettingInvalid(
            f'Invalid value provided to "mode": "{mode}" must be one of: "standard" or "adaptive"'
        )
    return attempts, mode or "standard"


def _check_compression(configuration: Configuration) -> None:
    text = configuration.setting(
        "request_min_compression_size_bytes", "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES"
    )
    if text is None:
        return
    start = f'Invalid value "{text}" for request_min_compression_size_bytes. Value must be '
    try:
        size = integer(text)
    except SettingInvalid:
        raise SettingInvalid(f"{start}an integer. Received {str} instead.") from None
    if not 1 <= size <= 1048576:
        raise SettingInvalid(f"{start}between 1 and 1048576.")


def _check_checksums(key: str, value: str | None) -> None:
    if value is not None and value.lower() not in _CHECKSUMS:
        raise SettingInvalid(
            f"Unsupported configuration value for {key}. "
            f"Expected one of {_CHECKSUMS} but got {value.lower()}."
        )


def _check_addressing(configuration: Configuration) -> None:
    s3 = configuration.section().get("s3")
    style = s3.get("addressing_style") if isinstance(s3, dict) else None
    if style is not None and style not in ("virtual", "auto", "path"):
        raise SettingInvalid(
            f"S3 addressing style {style} is invalid. Valid options are: 'auto', 'virtual', and 'path'"
        )
