from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from entrepot.client.client_errors import (
    ClientError,
    NoCredentials,
    NoRegion,
    ParameterError,
    ProfileNotFound,
    SettingInvalid,
)
from entrepot.client.configuration import Configuration
from entrepot.client.target import Options, Target, check_settings, resolve_target

KEYS = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B"}
LIGHT = frozenset(
    {
        "enum",
        "functools",
        "types",
        "operator",
        "_operator",
        "collections",
        "_collections",
        "keyword",
        "reprlib",
    }
    | {"itertools", "_functools", "heapq", "_heapq"}
)
"""What the error tree's enumeration brings with it."""
EVERYTHING = {**KEYS, "AWS_REGION": "us-east-1"}


def resolve(environ: dict[str, str], options: Options | None = None, *, config: str | None = None) -> Target:
    environ = {"HOME": "/absent", "AWS_EC2_METADATA_DISABLED": "true", **environ}
    if config is not None:
        Path(environ["AWS_CONFIG_FILE"]).write_text(config)
    configuration = Configuration(environ)
    check_settings(configuration, options or Options())
    return resolve_target(configuration, options or Options())


def test_the_defaults() -> None:
    target = resolve(EVERYTHING)
    assert target.endpoint_url == "https://dataexchange.us-east-1.amazonaws.com"
    assert (target.region, target.signing_name) == ("us-east-1", "dataexchange")
    assert (target.connect_timeout, target.read_timeout) == (60, 60)
    assert (target.max_attempts, target.retry_mode) == (3, "standard")
    assert target.verify is True
    assert target.proxy_url is None
    assert not target.tcp_keepalive
    assert target.validate_parameters
    keys = target.signing_credentials()
    assert keys is not None
    assert (keys.access_key_id, keys.secret_access_key, keys.session_token) == ("A", "B", None)


def test_a_region_is_needed_whatever_else_is_there() -> None:
    with pytest.raises(NoRegion):
        resolve(KEYS, Options(endpoint_url="http://local"))


def test_that_there_are_no_keys_is_noticed_when_a_request_is_to_be_signed() -> None:
    target = resolve({"AWS_REGION": "us-east-1"})
    with pytest.raises(NoCredentials):
        target.signing_credentials()
    unsigned = resolve({"AWS_REGION": "us-east-1"}, Options(sign=False))
    assert unsigned.signing_credentials() is None


def test_an_empty_region_can_be_used_with_an_endpoint_of_ones_own_only() -> None:
    assert resolve(EVERYTHING, Options(region="", endpoint_url="http://local")).region == ""
    with pytest.raises(SettingInvalid, match=r"^Invalid endpoint: https://dataexchange\.\.amazonaws\.com$"):
        resolve(EVERYTHING, Options(region=""))


def test_a_fips_pseudo_region_picks_the_fips_host_and_signs_for_the_region() -> None:
    target = resolve(EVERYTHING, Options(region="fips-us-east-1"))
    assert (target.endpoint_url, target.region) == (
        "https://dataexchange-fips.us-east-1.amazonaws.com",
        "us-east-1",
    )


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "http://service-section"),
        ({"AWS_ENDPOINT_URL": ""}, "http://service-section"),
        ({"AWS_ENDPOINT_URL": "http://variable"}, "http://variable"),
        (
            {"AWS_ENDPOINT_URL": "http://variable", "AWS_ENDPOINT_URL_DATAEXCHANGE": "http://special"},
            "http://special",
        ),
        ({"AWS_PROFILE": "plain"}, "http://profile"),
        (
            {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_ENDPOINT_URL": "http://variable"},
            "https://dataexchange.us-east-1.amazonaws.com",
        ),
    ],
)
def test_where_endpoints_are_configured(tmp_path: Path, environ: dict[str, str], url: str) -> None:
    config = (
        "[default]\nservices = s\nendpoint_url = http://profile\n[profile plain]\nendpoint_url = http://profile\n"
        "[services s]\ndataexchange =\n  endpoint_url = http://service-section\n"
    )
    environ = {**EVERYTHING, "AWS_CONFIG_FILE": str(tmp_path / "config"), **environ}
    assert resolve(environ, config=config).endpoint_url == url
    assert resolve(environ, Options(endpoint_url="http://option")).endpoint_url == "http://option"


def test_region_keys_and_endpoint_are_each_looked_for_in_the_data_directory(tmp_path: Path) -> None:
    folder = tmp_path / "aws"
    folder.mkdir()
    (folder / "config").write_text(
        "[profile entrepot]\nregion = eu-west-1\nendpoint_url = http://local:8250\n"
    )
    (folder / "credentials").write_text("[entrepot]\naws_access_key_id = L\naws_secret_access_key = M\n")
    data = {"ENTREPOT_DATA_DIR": str(tmp_path)}

    target = resolve(data)
    keys = target.signing_credentials()
    assert keys is not None
    assert (target.endpoint_url, target.region, keys.access_key_id) == ("http://local:8250", "eu-west-1", "L")

    target = resolve({**data, **EVERYTHING, "AWS_ENDPOINT_URL": "http://other"})
    keys = target.signing_credentials()
    assert keys is not None
    assert (target.endpoint_url, target.region, keys.access_key_id) == ("http://other", "us-east-1", "A")


@pytest.mark.parametrize(
    ("environ", "options", "verify"),
    [
        ({}, Options(), True),
        ({}, Options(verify_ssl=False, ca_bundle="x"), False),
        ({"AWS_CA_BUNDLE": "of-variable"}, Options(ca_bundle="of-option"), "of-option"),
        ({"AWS_CA_BUNDLE": "a", "REQUESTS_CA_BUNDLE": "b"}, Options(), "a"),
        ({"REQUESTS_CA_BUNDLE": "b"}, Options(), "b"),
        ({"AWS_CA_BUNDLE": "a"}, Options(ca_bundle=""), False),
        ({"AWS_CA_BUNDLE": ""}, Options(), False),
    ],
)
def test_what_certificates_are_checked_with(
    environ: dict[str, str], options: Options, verify: bool | str
) -> None:
    assert resolve({**EVERYTHING, **environ}, options).verify == verify


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", None), (" 5", 5), ("+5", 5), ("1_0", 10), ("\u0663", 3), (None, 60)]
)
def test_timeouts_are_read_as_python_reads_numbers(text: str | None, seconds: int | None) -> None:
    target = resolve(EVERYTHING, Options(read_timeout=text, connect_timeout=text))
    assert (target.read_timeout, target.connect_timeout) == (seconds, seconds)


@pytest.mark.parametrize(
    ("environ", "options", "message"),
    [
        ({}, Options(read_timeout="abc"), "invalid literal for int() with base 10: 'abc'"),
        (
            {},
            Options(connect_timeout="-1"),
            "Attempted to set connect timeout to -1, "
            "but the timeout cannot be set to a value less than or equal to 0.",
        ),
        ({"AWS_MAX_ATTEMPTS": "many"}, Options(), "invalid literal for int() with base 10: 'many'"),
        (
            {"AWS_MAX_ATTEMPTS": "0", "AWS_RETRY_MODE": "legacy"},
            Options(),
            'Value provided to "max_attempts": 0 must be an integer greater than or equal to one.',
        ),
        (
            {"AWS_RETRY_MODE": "legacy"},
            Options(),
            'Invalid value provided to "mode": "legacy" must be one of: "standard" or "adaptive"',
        ),
        ({}, Options(endpoint_url="localhost:1"), "Invalid endpoint: localhost:1"),
        ({"AWS_REGION": "x_y"}, Options(), "Provided region_name 'x_y' doesn't match a supported format."),
        (
            {"AWS_REQUEST_CHECKSUM_CALCULATION": "NEVER"},
            Options(),
            "Unsupported configuration value for request_checksum_calculation. "
            "Expected one of ('when_supported', 'when_required') but got never.",
        ),
        (
            {"AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES": "x"},
            Options(),
            'Invalid value "x" for request_min_compression_size_bytes. '
            "Value must be an integer. Received <class 'str'> instead.",
        ),
        (
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "ipv5"},
            Options(),
            "Invalid EC2 Instance Metadata endpoint mode: ipv5 "
            "Valid endpoint modes (case-insensitive): ('ipv4', 'ipv6').",
        ),
    ],
)
def test_settings_that_cannot_be_used(environ: dict[str, str], options: Options, message: str) -> None:
    with pytest.raises(SettingInvalid) as caught:
        resolve({**EVERYTHING, **environ}, options)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (Options(endpoint_url="x", read_timeout="y", profile="absent", region="x_y"), ParameterError),
        (Options(read_timeout="y", profile="absent", region="x_y"), SettingInvalid),
        (Options(profile="absent", region="us-east-1", endpoint_url="http://a_b"), ProfileNotFound),
    ],
)
def test_the_first_of_several_mistakes_is_reported(options: Options, kind: type[ClientError]) -> None:
    with pytest.raises(kind):
        resolve({}, options)


def test_what_the_profile_says_of_requests(tmp_path: Path) -> None:
    config = (
        "[default]\ntcp_keepalive = TRUE\nparameter_validation = false\n"
        "retry_mode = adaptive\nmax_attempts = 7\n"
    )
    target = resolve({**EVERYTHING, "AWS_CONFIG_FILE": str(tmp_path / "config")}, config=config)
    assert target.tcp_keepalive
    assert not target.validate_parameters
    assert (target.max_attempts, target.retry_mode) == (7, "adaptive")


def test_the_usual_way_to_a_target_imports_next_to_nothing() -> None:
    """What costs milliseconds of every command is imported only by those that need it."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "from entrepot.client.configuration import Configuration\n"
        "from entrepot.client.target import Options, check_settings, resolve_target\n"
        f"configuration = Configuration({ {**EVERYTHING, 'HOME': '/absent'} })\n"
        "options = Options(endpoint_url='http://127.0.0.1:8250', ca_bundle='x')\n"
        "configuration.files()\n"
        "check_settings(configuration, options)\n"
        "resolve_target(configuration, options).signing_credentials()\n"
        "print(*(set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    foreign = {
        name for name in done.stdout.split() if name.partition(".")[0] not in {"entrepot", "__future__"}
    }
    assert foreign <= LIGHT
