"""Every setting of the program, each with its option, its environment variable, its default and its source.

`OPTIONS` of `options` is the one table: the command line is made from it, `entrepot doctor` prints it, and
`Settings.load` reads it. An option beats the environment, which beats the default. The environment
itself is read in `environment` alone.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from entrepot.domain.api_endpoint import ApiEndpoints
from entrepot.domain.asset import UnprovenSources
from entrepot.domain.errors import ConfigurationError
from entrepot.domain.limits import Limits, Timeouts
from entrepot.settings.environment import default_data_directory
from entrepot.settings.options import OPTIONS, SECRET_OPTIONS, Option
from entrepot.settings.values import AuthMode, Network, StoreLocation

DEFAULT_SOURCE = "default"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process; `sources` says where each came from."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8250
    database: str = ""
    """Never empty after `load`."""
    store: StoreLocation = field(default_factory=StoreLocation)
    auth: AuthMode = AuthMode.SIGV4
    trust_network: bool = False
    region: str = "us-east-1"
    job_workers: int = 1
    s3_endpoint_url: str | None = None
    """None means AWS."""
    public_url: str = ""
    """Never empty after `load`; with port 0 it is known when the server listens."""
    limits: Limits = field(default_factory=Limits)
    job_timeouts: Timeouts = field(default_factory=Timeouts)
    outage_minutes: int = 30
    job_retention_days: int = 90
    upload_retention_days: int = 7
    upload_quota_gb: int = 100
    disk_reserve_mb: int = 256
    server_side_copy: bool = True
    share_store_bucket: bool = False
    verify_stored_every: int = 0
    """In days; 0 means never."""
    unproven_sources: UnprovenSources | None = None
    """None means allow over https, verify over http."""
    redshift_endpoint_url: str | None = None
    """None means not configured, `aws` means AWS's own; so with the five that follow."""
    lake_formation_endpoint_url: str | None = None
    glue_endpoint_url: str | None = None
    kms_endpoint_url: str | None = None
    event_bridge_endpoint_url: str | None = None
    sts_endpoint_url: str | None = None
    event_bus: str = "default"
    event_retention_days: int = 90
    api_endpoint: ApiEndpoints = field(default_factory=ApiEndpoints)
    allowed_networks: tuple[Network, ...] = ()
    ca_bundle: Path | None = None
    """None means the certificates of the system."""
    https_proxy: str | None = field(default=None, repr=False)
    http_proxy: str | None = field(default=None, repr=False)
    no_proxy: tuple[str, ...] = ()
    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = field(default=None, repr=False)
    aws_session_token: str | None = field(default=None, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, overrides: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
        """Reads every option; `overrides` are the command line's, by field name, None where not given.

        Raises `ConfigurationError` naming the option, its variables and what is allowed.
        """
        values: dict[str, Any] = {}
        sources = {option.name: DEFAULT_SOURCE for option in OPTIONS}
        for option in OPTIONS:
            given = _given(option, overrides, environ)
            if given is not None:
                sources[option.name], text = given
                values[option.name] = _parsed(option, sources[option.name], text)
        values.setdefault("data_dir", Path(default_data_directory(environ)))
        settings = cls(**values, sources=sources)
        if settings.aws_access_key_id and not settings.aws_secret_access_key:
            raise ConfigurationError(
                "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not; set both or neither."
            )
        if not settings.database:
            settings = replace(settings, database=f"sqlite:///{settings.data_dir / 'entrepot.sqlite'}")
        return settings.listening_on(settings.port)

    def listening_on(self, port: int) -> Settings:
        """The same settings with the port that is really in use; the public URL follows unless given."""
        given = self.sources.get("public_url", DEFAULT_SOURCE) != DEFAULT_SOURCE
        return replace(self, port=port, public_url=self.public_url if given else local_url(self.host, port))

    @property
    def local_url(self) -> str:
        """Where a program on this machine reaches the server."""
        return local_url(self.host, self.port)

    @property
    def assets_folder(self) -> Path:
        return self.data_dir / "assets"

    @property
    def proxies(self) -> dict[str, str]:
        given = {"https": self.https_proxy, "http": self.http_proxy}
        return {scheme: proxy for scheme, proxy in given.items() if proxy is not None}

    def to_environ(self) -> dict[str, str]:
        """Our variables from which a child process loads these very settings; those of AWS it inherits."""
        texts = {option.variables[0]: _text(getattr(self, option.name)) for option in OPTIONS}
        return {name: text for name, text in texts.items() if text and name.startswith("ENTREPOT_")}

    def described(self) -> list[tuple[str, str, str]]:
        """(name, value, source) of every setting, secrets hidden, for people to read."""
        rows = []
        for item in fields(self):
            if item.name == "sources":
                continue
            value = getattr(self, item.name)
            hidden = bool(value) and item.name in SECRET_OPTIONS
            shown = "(set)" if hidden else without_password(_text(value))
            rows.append((item.name, shown, self.sources.get(item.name, DEFAULT_SOURCE)))
        return rows


def local_url(host: str, port: int) -> str:
    """The URL under which this machine reaches a server that listens on `host`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        return f"http://localhost:{port}"
    return f"http://[{host}]:{port}" if address.version == 6 else f"http://{host}:{port}"


def without_password(url: str) -> str:
    """A URL that may be printed."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def _given(
    option: Option, overrides: Mapping[str, object], environ: Mapping[str, str]
) -> tuple[str, str] | None:
    override = overrides.get(option.name)
    if override is not None:
        return option.flag, str(override)
    for variable in option.variables:
        # An empty variable counts as not set, as in every AWS tool.
        if text := environ.get(variable):
            return variable, text
    return None


def _parsed(option: Option, source: str, text: str) -> Any:
    try:
        return option.parse(text)
    except ValueError as error:
        names = " or ".join(((option.flag,) if option.on_command_line else ()) + option.variables)
        shown = "***" if option.name in SECRET_OPTIONS else without_password(text)
        raise ConfigurationError(f"{source}={shown!r} cannot be used: {names} takes {error}.") from None


def _text(value: object) -> str:
    """A value as the text from which it can be read again."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Limits():
            return json.dumps(dict(value.overrides)) if value.overrides else ""
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)
