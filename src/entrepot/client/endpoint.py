"""Where the service is: Regions and partitions, default hosts, and whether a URL can be used at all.

The partitions are those that version 2.23.6 of the AWS CLI knows. A Region that none of them names is taken
for one of AWS's own that is newer than this table.
"""

from __future__ import annotations

from entrepot.client.client_errors import ParameterError, SettingInvalid

SERVICE = "dataexchange"

_COMMERCIAL = ("amazonaws.com", "api.aws")
_CHINA = ("amazonaws.com.cn", "api.amazonwebservices.com.cn")
_MARKS = frozenset("?#@[]\\%")
"""What takes an authority to pieces, or ends it, otherwise than a colon and a slash."""
_PARTITIONS: dict[str, tuple[str, str | None]] = {
    "us-gov": _COMMERCIAL,
    "us-iso": ("c2s.ic.gov", None),
    "us-isob": ("sc2s.sgov.gov", None),
    "eu-isoe": ("cloud.adc-e.uk", None),
    "us-isof": ("csp.hci.ic.gov", None),
}
"""By the part of a Region's name before place and number: the domain, and that of dual stack endpoints."""
_WHOLE_PARTITIONS = {
    "aws-cn-global": _CHINA,
    "aws-us-gov-global": _COMMERCIAL,
    "aws-iso-global": _PARTITIONS["us-iso"],
    "aws-iso-b-global": _PARTITIONS["us-isob"],
}
_NO_DUAL_STACK_AT_ALL = frozenset({"eu-isoe", "us-isof"})
"""Partitions for which the CLI refuses dual stack before it looks at anything else."""


def check_region(region: str) -> None:
    """Raises SettingInvalid unless the name could be that of a Region: letters, digits and inner dashes.

    An empty one can be used: with an endpoint of one's own, it is an empty part of the signature's scope.
    """
    name = region.removesuffix("\n")
    letters = name.replace("-", "")
    fits = (
        len(name) <= 63
        and name.isascii()
        and (letters.isalnum() or not letters)
        and not name.startswith("-")
        and not name.endswith("-")
        and not name.isdecimal()
    )
    if not fits:
        raise SettingInvalid(f"Provided region_name '{region}' doesn't match a supported format.")


def without_fips(region: str) -> str:
    """The Region that a pseudo-Region such as `fips-us-east-1` stands for; any other Region as it is."""
    return region.replace("fips-", "").replace("-fips", "")


def default_url(region: str, *, fips: bool, dual_stack: bool) -> str:
    """The URL of the service in this Region. Raises SettingInvalid where the partition has none such."""
    domain, dual_stack_domain = _domains(region)
    if dual_stack:
        if dual_stack_domain is None:
            raise SettingInvalid(
                "FIPS and DualStack are enabled, but this partition does not support one or both"
                if fips
                else "DualStack is enabled but this partition does not support DualStack"
            )
        domain = dual_stack_domain
    return f"https://{SERVICE}{'-fips' if fips else ''}.{region}.{domain}"


def presumed_url(region: str, *, fips: bool, dual_stack: bool) -> str:
    """A URL as usable as `default_url`'s, for any Region: what is checked before that one is known."""
    return f"https://{SERVICE}{'-fips' if fips else ''}.{region}.{_COMMERCIAL[dual_stack]}"


def check_variants(region: str, *, fips: bool, dual_stack: bool) -> None:
    """Raises SettingInvalid where the CLI refuses dual stack even for an endpoint of one's own."""
    if dual_stack and _family(region) in _NO_DUAL_STACK_AT_ALL:
        tags = ["dualstack", "fips"] if fips else ["dualstack"]
        raise SettingInvalid(f"Unable to construct a modeled endpoint with the following variant(s) {tags}: ")


def check_url_option(url: str) -> None:
    """What is said of `--endpoint-url` as soon as the command line is parsed.

    Raises ParameterError where the scheme is missing, SettingInvalid where it is no URL.
    """
    scheme, _, _ = split_url(url)
    if not scheme:
        raise ParameterError(
            f'Bad value for --endpoint-url "{url}": scheme is missing.  '
            "Must be of the form http://<hostname>/ or https://<hostname>/"
        )


def check_url(url: str) -> None:
    """Raises SettingInvalid unless the URL has a host that is a DNS name or an address."""
    if not is_usable(url):
        raise SettingInvalid(f"Invalid endpoint: {url}")


def is_usable(url: str) -> bool:
    """Whether the URL has a host that is a DNS name or an address. Raises SettingInvalid if it is no URL."""
    if any(character in url for character in "\t\r\n"):
        return False
    _, _, host = split_url(url)
    if not host:
        return False
    labels = host.removesuffix(".").split(".")
    return (len(host) <= 255 and all(_is_label(label) for label in labels)) or _is_ipv6(host)


def split_url(url: str) -> tuple[str, str, str | None]:
    """Scheme, authority (host, port and user as they stand there) and host (in small letters) of a URL.

    Raises SettingInvalid where it is none.
    """
    scheme, mark, rest = url.partition("://")
    if mark and scheme in ("http", "https") and rest.isascii() and rest.isprintable():
        authority = rest.partition("/")[0]
        if _MARKS.isdisjoint(authority):
            return scheme, authority, authority.partition(":")[0].lower() or None
    # Most URLs are plain, and the module takes 3 ms to import.
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise SettingInvalid(str(error)) from error
    return parts.scheme, parts.netloc, parts.hostname


def _domains(region: str) -> tuple[str, str | None]:
    if region in _WHOLE_PARTITIONS:
        return _WHOLE_PARTITIONS[region]
    family = _family(region)
    return _CHINA if family == "cn" else _PARTITIONS.get(family, _COMMERCIAL)


def _family(region: str) -> str:
    """What stands before `-PLACE-NUMBER`, or nothing where the name is not of that form."""
    parts = region.removesuffix("\n").split("-")
    if len(parts) < 3 or not parts[-1].isdecimal() or not parts[-2]:
        return ""
    return "-".join(parts[:-2])


def _is_label(label: str) -> bool:
    if label.isascii():
        inner = label.replace("-", "")
        return (
            len(label) <= 63
            and (inner.isalnum() or (not inner and label != ""))
            and not label.startswith("-")
            and not label.endswith("-")
        )
    import re

    # Beyond ASCII the CLI lets digits of all scripts pass, and the two letters that fold to ASCII ones.
    return re.fullmatch(r"(?!-)[A-Z\d-]{1,63}(?<!-)", label, re.IGNORECASE) is not None


def _is_ipv6(host: str) -> bool:
    if ":" not in host:
        return False
    import socket

    try:
        socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    except OSError:
        return False
    return True
