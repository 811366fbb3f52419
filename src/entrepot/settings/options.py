"""The table of every setting: its option, its environment variable, its default, its meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from entrepot.domain.api_endpoint import DEFAULT_TEMPLATE
from entrepot.settings.values import (
    read_api_endpoints,
    read_auth,
    read_boolean,
    read_database_url,
    read_http_url,
    read_integer,
    read_limits,
    read_names,
    read_networks,
    read_path,
    read_proxy,
    read_region,
    read_service_endpoint,
    read_store,
    read_text,
    read_timeouts,
    read_unproven_sources,
)


@dataclass(frozen=True, slots=True)
class Option:
    name: str
    """The field of `Settings`."""
    help: str
    default: str
    """As the help shows it; the value itself is the field's default."""
    parse: Callable[[str], Any]
    """Raises `ValueError` saying what is allowed."""
    metavar: str = "VALUE"
    on_command_line: bool = True
    named: tuple[str, ...] = ()
    """Environment variables that are not called `ENTREPOT_` and the option's name."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Environment variables, the first that is set counts."""
        return self.named or (f"ENTREPOT_{self.name.upper()}",)

    @property
    def is_switch(self) -> bool:
        """Whether the option takes no value: where it is given, it is true."""
        return self.parse is read_boolean and self.on_command_line

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


_variable = partial(Option, on_command_line=False)
_service = partial(_variable, default="not configured", parse=read_service_endpoint, metavar="URL")

OPTIONS: tuple[Option, ...] = (
    Option("host", "the address to listen on", "127.0.0.1", read_text, "ADDRESS"),
    Option(
        "port",
        "one port serves everything; 0 takes any free one",
        "8250",
        partial(read_integer, least=0, most=65_535),
        "NUMBER",
    ),
    Option(
        "data_dir",
        "SQLite file, local assets, secrets, credentials",
        "the platform's user data directory",
        read_path,
        "FOLDER",
    ),
    Option(
        "database",
        "postgresql://user:password@host:port/database",
        "SQLite in the data directory",
        read_database_url,
        "URL",
    ),
    Option(
        "store",
        "where the exchange keeps its own bytes: s3://bucket/prefix",
        "assets/ in the data directory",
        read_store,
        "URL",
    ),
    Option(
        "auth",
        "sigv4: every request is verified; trust: for tests, signatures are not checked, a 12-digit access "
        "key names the account, any other means 123456789012",
        "sigv4",
        read_auth,
        "MODE",
    ),
    Option(
        "trust_network",
        "with --auth trust: listen on an address that other machines reach, though whoever reaches it may do "
        "everything as everybody; in a container, publish the port on 127.0.0.1 alone",
        "false",
        read_boolean,
        "BOOLEAN",
    ),
    Option("region", "used where a request's credential scope names none", "us-east-1", read_region, "NAME"),
    Option(
        "job_workers",
        "job worker processes beside the API process; 0 means API only",
        "1",
        partial(read_integer, least=0, most=256),
        "NUMBER",
    ),
    Option(
        "s3_endpoint_url",
        "where users' buckets are; credentials come from the standard AWS chain of this environment",
        "AWS",
        read_http_url,
        "URL",
        named=("ENTREPOT_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
    ),
    Option(
        "public_url",
        "the base of the signed URLs that are handed out",
        "http://host:port",
        read_http_url,
        "URL",
    ),
    Option(
        "unproven_sources",
        "objects to import that neither a checksum nor an ETag proves: allow, verify (read twice) or refuse",
        "allow over https, verify over http",
        read_unproven_sources,
        "WHAT",
    ),
    _variable(
        "limits",
        "quotas other than the service's own, as a JSON object {limit name: value}",
        "those of AWS Data Exchange",
        read_limits,
        "JSON",
    ),
    _variable(
        "job_timeouts",
        "how many seconds a job may take before it is TIMED_OUT, for some job types perhaps others: "
        "86400,EXPORT_REVISIONS_TO_S3=604800",
        "86400",
        read_timeouts,
        "SECONDS",
        named=("ENTREPOT_JOB_TIMEOUT",),
    ),
    _variable(
        "outage_minutes",
        "how many minutes a job waits for a store or a service that cannot be used before it ends in ERROR",
        "30",
        partial(read_integer, least=0, most=525_600),
        "MINUTES",
    ),
    _variable(
        "job_retention_days",
        "how many days after its creation a job that does not run is forgotten",
        "90",
        partial(read_integer, least=1, most=36_500),
        "DAYS",
    ),
    _variable(
        "upload_retention_days",
        "how many days after its creation a job with an upload that was never started is cancelled",
        "7",
        partial(read_integer, least=1, most=36_500),
        "DAYS",
    ),
    _variable(
        "upload_quota_gb",
        "how many GiB an account may have uploaded by signed URLs for jobs that it has not started",
        "100",
        partial(read_integer, least=1, most=1_000_000),
        "GIB",
    ),
    _variable(
        "disk_reserve_mb",
        "how many MiB of the disk uploads and imports leave free, for the database and everything else",
        "256",
        partial(read_integer, least=0, most=100_000_000),
        "MIB",
    ),
    _variable(
        "share_store_bucket",
        "let accounts use the bucket of --store outside of its prefix, though a server to which two keys are "
        "one (a//b and a/b, say) may then let them read and overwrite what others have stored",
        "false",
        read_boolean,
        "BOOLEAN",
    ),
    _variable(
        "server_side_copy",
        "whether stores may copy by themselves; false moves every byte through the worker",
        "true",
        read_boolean,
        "BOOLEAN",
    ),
    _variable(
        "verify_stored_every",
        "in how many days workers read every stored asset once and prove its checksum; 0 means never",
        "0",
        partial(read_integer, least=0, most=36_500),
        "DAYS",
    ),
    _service(
        "redshift_endpoint_url", "where Amazon Redshift is: datashares are verified and authorised; or aws"
    ),
    _service(
        "lake_formation_endpoint_url",
        "where AWS Lake Formation is: LF-tag policies are checked and granted; or aws",
    ),
    _service("glue_endpoint_url", "where AWS Glue is: the data catalogue is looked at; or aws"),
    _service("kms_endpoint_url", "where AWS KMS is: keys of S3 data access are granted; or aws"),
    _service("event_bridge_endpoint_url", "where Amazon EventBridge is: events are put; or aws"),
    _variable(
        "event_bus", "the bus of EventBridge that events are put on: its name", "default", read_text, "NAME"
    ),
    _variable(
        "event_retention_days",
        "how many days events are kept",
        "90",
        partial(read_integer, least=1, most=36_500),
        "DAYS",
    ),
    _service("sts_endpoint_url", "where AWS STS is: roles that users name are assumed; or aws"),
    _variable(
        "api_endpoint",
        "where the APIs of API assets are: a URL with {ApiId}, {Stage}, {region}, {AccountId}; JSON; "
        "or the path of a file with one",
        DEFAULT_TEMPLATE,
        read_api_endpoints,
        "URL",
    ),
    _variable(
        "allowed_networks",
        "networks of which users may name addresses (APIs, webhooks) though they are not public",
        "none",
        read_networks,
        "CIDRS",
    ),
    _variable(
        "ca_bundle",
        "certificates that S3 is trusted by instead of the system's",
        "the system's",
        read_path,
        "FILE",
        named=("AWS_CA_BUNDLE",),
    ),
    _variable(
        "https_proxy",
        "the proxy to S3 over https",
        "none",
        read_proxy,
        "URL",
        named=("https_proxy", "HTTPS_PROXY"),
    ),
    _variable(
        "http_proxy",
        "the proxy to S3 over http",
        "none",
        read_proxy,
        "URL",
        named=("http_proxy", "HTTP_PROXY"),
    ),
    _variable(
        "no_proxy",
        "hosts and domains that are reached without a proxy; * is all of them",
        "none",
        read_names,
        "NAMES",
        named=("no_proxy", "NO_PROXY"),
    ),
    _variable(
        "aws_access_key_id",
        "the S3 key of this server",
        "the AWS chain",
        read_text,
        named=("AWS_ACCESS_KEY_ID",),
    ),
    _variable(
        "aws_secret_access_key",
        "and its secret",
        "the AWS chain",
        read_text,
        named=("AWS_SECRET_ACCESS_KEY",),
    ),
    _variable("aws_session_token", "and its session token", "none", read_text, named=("AWS_SESSION_TOKEN",)),
)
SECRET_OPTIONS = frozenset({"aws_secret_access_key", "aws_session_token"})
