"""How the text of a setting becomes its value: `ValueError` says what is allowed where it cannot be read."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from entrepot.domain.api_endpoint import ApiEndpoints
from entrepot.domain.asset import UnprovenSources
from entrepot.domain.job import JobType
from entrepot.domain.limits import Limit, Limits, Timeouts

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
AWS_ENDPOINT = "aws"
"""In place of an endpoint's URL: the service is AWS's own."""
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AuthMode(StrEnum):
    SIGV4 = "sigv4"
    TRUST = "trust"


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """Where the exchange keeps its own bytes: in a bucket below a prefix, else in the data directory.

    A prefix ends with a slash: `s3://bucket/a` and `s3://bucket/ab` have nothing in common.
    """

    bucket: str | None = None
    prefix: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether the bytes are on a disk of this machine, and nobody but the exchange serves them."""
        return self.bucket is None

    def __str__(self) -> str:
        return "" if self.bucket is None else f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def read_text(value: str) -> str:
    if not value or value != value.strip():
        raise ValueError("a text that is not empty and has no spaces around it")
    return value


def read_integer(value: str, *, least: int, most: int) -> int:
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII) or not least <= int(value) <= most:
        raise ValueError(f"a number from {least} to {most}")
    return int(value)


def read_boolean(value: str) -> bool:
    """Reads `true` or `false`, also as 1 or 0."""
    if value.lower() not in {"true", "false", "1", "0"}:
        raise ValueError("true or false")
    return value.lower() in {"true", "1"}


def read_path(value: str) -> Path:
    """Reads the path of a folder; `~` is the user's home."""
    if not value.strip() or "\0" in value:
        raise ValueError("the path of a folder")
    return Path(value).expanduser().absolute()


def read_database_url(value: str) -> str:
    """Reads a PostgreSQL URL, or that of an SQLite file."""
    scheme = value.split(":", 1)[0]
    if scheme in {"postgresql", "postgres"} and "://" in value:
        return "postgresql" + value[len(scheme) :]
    if value.startswith("sqlite:///") and len(value) > len("sqlite:///"):
        return "sqlite:///" + str(Path(value.removeprefix("sqlite:///")).expanduser().absolute())
    raise ValueError("postgresql://user:password@host:port/database, or sqlite:///path/of/a/file")


def read_store(value: str) -> StoreLocation:
    """Reads `s3://bucket/prefix`."""
    parts = urlsplit(value)
    if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc) or parts.query or parts.fragment:
        raise ValueError("s3://bucket/prefix")
    prefix = parts.path.strip("/")
    return StoreLocation(parts.netloc, f"{prefix}/" if prefix else "")


def read_auth(value: str) -> AuthMode:
    try:
        return AuthMode(value)
    except ValueError:
        raise ValueError("sigv4 (every request is verified) or trust (for tests)") from None


def read_unproven_sources(value: str) -> UnprovenSources:
    try:
        return UnprovenSources(value)
    except ValueError:
        raise ValueError(
            "allow (an object that nothing proves is taken), verify (it is read twice) or refuse"
        ) from None


def read_region(value: str) -> str:
    if not _REGION.fullmatch(value):
        raise ValueError("the name of a Region, such as us-east-1")
    return value


def read_http_url(value: str) -> str:
    """Reads a base URL; it ends without a slash."""
    parts = urlsplit(value)
    try:
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise ValueError("http://host:port or https://host:port, perhaps with a path")
    return value.rstrip("/")


def read_service_endpoint(value: str) -> str:
    """Reads where a service of AWS is: `aws` for AWS's own endpoint in each Region, or a base URL."""
    if value == AWS_ENDPOINT:
        return value
    try:
        return read_http_url(value)
    except ValueError as error:
        raise ValueError(f"{AWS_ENDPOINT} (AWS's own endpoint of each Region), or {error}") from None


def read_proxy(value: str) -> str:
    """Reads the URL of a proxy; without a scheme it is one of HTTP, as in every AWS tool."""
    proxy = read_text(value)
    return proxy if "://" in proxy else f"http://{proxy}"


def read_names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def read_networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(name) for name in read_names(value))
    except ValueError:
        raise ValueError("networks separated by commas, such as 10.0.0.0/8,fd00::/8") from None


def read_api_endpoints(value: str) -> ApiEndpoints:
    """Reads where the APIs of API assets are: a template, a table in JSON, or the path of a file with one."""
    if "://" in value or value.lstrip().startswith("{"):
        return ApiEndpoints.parse(value)
    path = read_path(value)
    try:
        content = path.read_text()
    except (OSError, UnicodeError) as error:
        allowed = "a URL, a JSON object, or the path of a file with one"
        raise ValueError(f"{allowed}; {path} cannot be read: {error}") from None
    return ApiEndpoints.parse(str(path), content)


_LONGEST_TIMEOUT = 31_536_000


def read_timeouts(value: str) -> Timeouts:
    """Reads seconds, for all job types or `TYPE=seconds`, separated by commas; each at most once."""
    found: dict[str, int] = {}
    for entry in value.split(","):
        name, given, text = entry.strip().rpartition("=")
        name = name.strip()
        if name in found or (given and name not in set(JobType)):
            types = ", ".join(JobType)
            raise ValueError(f"a number for all job types, and TYPE=number once for some of {types}")
        found[name] = read_integer(text.strip(), least=1, most=_LONGEST_TIMEOUT)
    common = found.pop("", Timeouts().seconds)
    return Timeouts(common, {JobType(name): seconds for name, seconds in found.items()})


def read_limits(value: str) -> Limits:
    names = ", ".join(json.dumps(limit) for limit in Limit)
    allowed = f'a JSON object such as {{"Data sets per account": 10}} with whole numbers for some of {names}'
    try:
        given = json.loads(value).items()
    except (ValueError, AttributeError):
        raise ValueError(allowed) from None
    for name, number in given:
        if name not in set(Limit) or type(number) is not int or number < 0:
            raise ValueError(f"{allowed}; not {json.dumps({name: number})}")
    return Limits({Limit(name): number for name, number in given})
