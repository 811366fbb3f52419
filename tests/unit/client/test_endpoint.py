from __future__ import annotations

import json
import re
from pathlib import Path

import botocore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.client import endpoint
from entrepot.client.client_errors import ParameterError, SettingInvalid

FITS = re.compile(r"^(?![0-9]+$)(?!-)[a-zA-Z0-9-]{,63}(?<!-)$")


@given(st.text(st.sampled_from("ab-01_.é\n"), max_size=70) | st.text(max_size=5))
def test_a_region_is_a_host_label(name: str) -> None:
    if FITS.match(name):
        endpoint.check_region(name)
    else:
        with pytest.raises(SettingInvalid) as caught:
            endpoint.check_region(name)
        assert caught.value.message == f"Provided region_name '{name}' doesn't match a supported format."


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "dataexchange.us-east-1.amazonaws.com"),
        ("cn-north-1", "dataexchange.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "dataexchange.us-gov-west-1.amazonaws.com"),
        ("us-iso-east-1", "dataexchange.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "dataexchange.us-isob-east-1.sc2s.sgov.gov"),
        ("eu-isoe-west-1", "dataexchange.eu-isoe-west-1.cloud.adc-e.uk"),
        ("us-isof-south-1", "dataexchange.us-isof-south-1.csp.hci.ic.gov"),
        ("aws-cn-global", "dataexchange.aws-cn-global.amazonaws.com.cn"),
        ("mars-north-1", "dataexchange.mars-north-1.amazonaws.com"),
        ("cn-a-b-1", "dataexchange.cn-a-b-1.amazonaws.com"),
    ],
)
def test_the_default_host_follows_from_the_partition(region: str, host: str) -> None:
    assert endpoint.default_url(region, fips=False, dual_stack=False) == f"https://{host}"


def test_the_partitions_are_those_that_botocore_knows() -> None:
    data = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text())
    for partition in data["partitions"]:
        if partition["id"] == "aws-eusc":
            continue  # younger than the edition that is equalled
        for region in [*partition["regions"], partition["outputs"]["implicitGlobalRegion"]]:
            if region in {"aws-iso-e-global", "aws-iso-f-global"}:
                continue  # likewise
            suffix = partition["outputs"]["dnsSuffix"]
            url = endpoint.default_url(region, fips=False, dual_stack=False)
            assert url == f"https://dataexchange.{region}.{suffix}"


def test_fips_and_dual_stack_hosts() -> None:
    assert endpoint.default_url("us-east-1", fips=True, dual_stack=True) == (
        "https://dataexchange-fips.us-east-1.api.aws"
    )
    assert endpoint.default_url("cn-north-1", fips=False, dual_stack=True) == (
        "https://dataexchange.cn-north-1.api.amazonwebservices.com.cn"
    )
    with pytest.raises(SettingInvalid, match=r"^DualStack is enabled but this partition"):
        endpoint.default_url("us-iso-east-1", fips=False, dual_stack=True)
    with pytest.raises(SettingInvalid, match=r"^FIPS and DualStack are enabled, but this partition"):
        endpoint.default_url("us-isob-east-1", fips=True, dual_stack=True)
    with pytest.raises(SettingInvalid, match=r"variant\(s\) \['dualstack'\]: $"):
        endpoint.check_variants("us-isof-south-1", fips=False, dual_stack=True)


@pytest.mark.parametrize(
    ("region", "without"),
    [("fips-us-east-1", "us-east-1"), ("us-gov-west-1-fips", "us-gov-west-1"), ("eu-west-1", "eu-west-1")],
)
def test_a_fips_pseudo_region_stands_for_its_region(region: str, without: str) -> None:
    assert endpoint.without_fips(region) == without


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("http://localhost:8250", True),
        ("HTTPS://EXAMPLE.org./path?query", True),
        ("http://user:word@host", True),
        ("http://[::1]:8250", True),
        ("ftp://host", True),
        ("http://host:port", True),
        ("localhost:8250", False),
        ("http://", False),
        ("http://a_b", False),
        ("http://a..b", False),
        ("http://-a", False),
        ("http://é.example", False),
        ("http://host\n", False),
        ("http://" + "a" * 64, False),
        ("http://" + ".".join(["a" * 60] * 5), False),
        ("http://[::g]", None),
    ],
)
def test_a_url_needs_a_host_that_is_a_name_or_an_address(url: str, usable: bool | None) -> None:
    if usable is None:
        with pytest.raises(SettingInvalid):
            endpoint.is_usable(url)
        return
    assert endpoint.is_usable(url) is usable


def test_the_option_needs_a_scheme() -> None:
    endpoint.check_url_option("localhost:8250")  # a scheme, if a strange one
    with pytest.raises(ParameterError) as caught:
        endpoint.check_url_option("localhost")
    assert caught.value.message == (
        'Bad value for --endpoint-url "localhost": scheme is missing.  '
        "Must be of the form http://<hostname>/ or https://<hostname>/"
    )
    with pytest.raises(SettingInvalid, match=r"^Invalid IPv6 URL$"):
        endpoint.check_url_option("http://[::1")


@given(st.from_regex(r"https?://[a-zA-Z0-9.:/?#@-]{0,20}", fullmatch=True))
def test_the_short_way_through_a_url_leads_where_the_long_one_does(url: str) -> None:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    assert endpoint.split_url(url) == (parts.scheme, parts.netloc, parts.hostname)
