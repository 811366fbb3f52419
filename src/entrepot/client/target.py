"""Where requests go and how they are made: everything that options, environment and files say about it.

The AWS CLI notices mistakes in a fixed order, and so does this program. Three steps of it are here; whoever
runs a command takes them at their places:

1. `Configuration(environ)` and its `files()`, before the command line is even parsed: a file that cannot be
   parsed ends every command.
2. `check_settings`, when the options that all commands share are parsed and `--query` is compiled, and before
   the operation's own options are looked at.
3. `resolve_target`, when the operation's parameters are known, and before they are checked against the model.
   Keys are looked for here, but that there are none is noticed only when a request is to be signed.
"""

from __future__ import annotations

from entrepot.client.client_errors import NoCredentials, NoRegion, ProfileNotFound, SettingInvalid
from entrepot.client.configuration import integer
from entrepot.client.credentials import MetadataSettings, check_single_sign_on, find_credentials, is_disabled
from entrepot.client.endpoint import (
    SERVICE,
    check_region,
    check_url,
    check_url_option,
    check_variants,
    default_url,
    presumed_url,
    split_url,
    without_fips,
)
from entrepot.http.url import proxy_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from entrepot.client.config_file import Value
    from entrepot.client.configuration import Configuration
    from entrepot.client.credentials import Credentials, CredentialSource

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


DEFAULT_TIMEOUT = 60
"""Seconds, for the connection and for each wait for bytes."""


class Options:
    """What the command line may say about the connection; None where it says nothing."""

    def __init__(  # noqa: PLR0913 - one for each option
        self,
        *,
        profile: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        verify_ssl: bool = True,
        ca_bundle: str | None = None,
        sign: bool = True,
        read_timeout: str | None = None,
        connect_timeout: str | None = None,
    ) -> None:
        """The timeouts are texts, in seconds, as they were typed."""
        self.profile = profile
        self.region = region
        self.endpoint_url = endpoint_url
        self.verify_ssl = verify_ssl
        self.ca_bundle = ca_bundle
        self.sign = sign
        self.read_timeout = read_timeout
        self.connect_timeout = connect_timeout


class Target:
    def __init__(self, endpoint_url: str, region: str, credentials: CredentialSource | None = None) -> None:
        """A target with the defaults of everything else."""
        self.endpoint_url = endpoint_url
        """As it was given: with any path and query. An operation's host prefix goes before its host."""
        self.region = region
        """Of the signature's scope; may be empty."""
        self.signing_name = SERVICE
        self._credentials = credentials
        self.sign = True
        """False where requests go unsigned, keys or not."""
        self.verify: bool | str = True
        """Whether the server's certificate is checked; a text is the path of the CA bundle for it."""
        self.connect_timeout: int | None = DEFAULT_TIMEOUT
        """In seconds; None waits forever. So with `read_timeout`."""
        self.read_timeout: int | None = DEFAULT_TIMEOUT
        self.max_attempts = DEFAULT_ATTEMPTS
        """At least 1; the first try counts."""
        self.retry_mode = "standard"
        """`standard` or `adaptive`."""
        self.proxy_url: str | None = None
        """Of the proxy that requests go through, with its scheme and any user and password."""
        self.tcp_keepalive = False
        self.validate_parameters = True
        """False where the profile turns the checks of parameters against the model off."""

    def signing_credentials(self) -> Credentials | None:
        """The keys for the next request; None where requests go unsigned.

        Ask before every request: keys may expire. Raises NoCredentials, and ClientError where a source of
        keys fails.
        """
        if not self.sign:
            return None
        if self._credentials is None:
            raise NoCredentials
        return self._credentials.current()


def check_settings(configuration: Configuration, options: Options) -> None:
    """Checks what can be wrong before it is known which operation is meant.

    Raises ParameterError (an endpoint without a scheme), ClientConfigurationError (cli_timestamp_format),
    SettingInvalid (timeouts that are no numbers, cli_binary_format, settings of the instance metadata).
    """
    configuration.use_profile(options.profile)
    if options.endpoint_url is not None:
        check_url_option(options.endpoint_url)
    _timeout(options.read_timeout)
    _timeout(options.connect_timeout)
    configuration.timestamp_format()
    configuration.binary_format()
    try:
        MetadataSettings(configuration)
    except ProfileNotFound:
        # Whoever needs the profile says so in time.
        return


def resolve_target(configuration: Configuration, options: Options) -> Target:
    """The target that options, environment and files describe.

    Raises ClientError: the first thing that is wrong, in the order in which the AWS CLI finds it.
    """
    configuration.use_profile(options.profile)
    region = _region(configuration, options)
    verify = _verify(configuration, options)
    section = configuration.section()  # a profile that is named must exist, whatever comes of it
    credentials = find_credentials(configuration, region)
    check_single_sign_on(configuration)
    url = _given_url(configuration, options)
    if region is None:
        raise NoRegion
    fips = without_fips(region) != region or configuration.flag("use_fips_endpoint", "AWS_USE_FIPS_ENDPOINT")
    dual_stack = configuration.flag("use_dualstack_endpoint", "AWS_USE_DUALSTACK_ENDPOINT")
    region = without_fips(region)
    check_variants(region, fips=fips, dual_stack=dual_stack)
    max_attempts, retry_mode = read_retries(configuration)
    check_url(url or presumed_url(region, fips=fips, dual_stack=dual_stack))
    target = Target(url or default_url(region, fips=fips, dual_stack=dual_stack), region, credentials)
    target.sign = options.sign
    target.verify = verify
    target.max_attempts = max_attempts
    target.retry_mode = retry_mode
    target.connect_timeout = _positive("connect", options.connect_timeout)
    target.read_timeout = _positive("read", options.read_timeout)
    target.proxy_url = proxy_for(*split_url(target.endpoint_url)[:2], configuration.environ)
    target.tcp_keepalive = _is_true(section.get("tcp_keepalive", ""))
    target.validate_parameters = _is_true(section.get("parameter_validation", "true"))
    return target


def _region(configuration: Configuration, options: Options) -> str | None:
    region = options.region
    if region is None:
        region = configuration.setting("region", "AWS_REGION", "AWS_DEFAULT_REGION")
    if region is None:
        region = configuration.data_directory_setting("region")
    if region is None and not is_disabled(configuration.environ):
        from entrepot.client.session_credentials import region_of_instance

        region = region_of_instance(configuration)
    if region is not None:
        check_region(region)
    return region


def _verify(configuration: Configuration, options: Options) -> bool | str:
    """An empty path switches the check off, as it does in the AWS CLI."""
    if not options.verify_ssl:
        return False
    bundle = options.ca_bundle
    if bundle is None:
        bundle = configuration.setting("ca_bundle", "AWS_CA_BUNDLE")
    if bundle is None:
        bundle = configuration.environ.get("REQUESTS_CA_BUNDLE")
    return True if bundle is None else bundle or False


def _given_url(configuration: Configuration, options: Options) -> str | None:
    """The endpoint that someone named; None where the Region decides. An empty one counts as none."""
    if options.endpoint_url is not None:
        return options.endpoint_url
    if configuration.flag("ignore_configured_endpoint_urls", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        return None
    environ = configuration.environ
    return (
        environ.get("AWS_ENDPOINT_URL_DATAEXCHANGE")
        or environ.get("AWS_ENDPOINT_URL")
        or configuration.service_setting("endpoint_url")
        or configuration.setting("endpoint_url")
        or configuration.data_directory_setting("endpoint_url")
        or None
    )


def _timeout(text: str | None) -> int | None:
    if text is None:
        return DEFAULT_TIMEOUT
    return integer(text) or None


def _positive(name: str, text: str | None) -> int | None:
    seconds = _timeout(text)
    if seconds is not None and seconds < 0:
        raise SettingInvalid(
            f"Attempted to set {name} timeout to {seconds}, "
            "but the timeout cannot be set to a value less than or equal to 0."
        )
    return seconds


def _is_true(value: Value) -> bool:
    return isinstance(value, str) and value.lower() == "true"
