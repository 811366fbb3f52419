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
)


@dataclass(frozen=True, slots=True)
class Option:
    name: str
    """The field of `Settings`."""
    variables: tuple[str, ...]
    """Environment variables, the first that is set counts."""
    help: str
    default: str
    """As the help shows it; the value itself is the field's default."""
    parse: Callable[[str], Any]
    """Raises `ValueError` saying what is allowed."""
    metavar: str = "VALUE"
    on_command_line: bool = True

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


OPTIONS: tuple[Option, ...] = (
    Option("host", ("ENTREPOT_HOST",), "the address to listen on", "127.0.0.1", read_text, "ADDRESS"),
    Option(
        "port",
        ("ENTREPOT_PORT",),
        "one port serves everything; 0 takes any free one",
        "8250",
        partial(read_integer, least=0, most=65_535),
        "NUMBER",
    ),
    Option(
        "data_dir",
        ("ENTREPOT_DATA_DIR",),
        "SQLite file, local assets, secrets, credentials",
        "the platform's user data directory",
        read_path,
        "FOLDER",
    ),
    Option(
        "database",
        ("ENTREPOT_DATABASE",),
        "postgresql://user:password@host:port/database",
        "SQLite in the data directory",
        read_database_url,
        "URL",
    ),
    Option(
        "store",
        ("ENTREPOT_STORE",),
        "where the exchange keeps its own bytes: s3://bucket/prefix",
        "assets/ in the data directory",
        read_store,
        "URL",
    ),
    Option(
        "auth",
        ("ENTREPOT_AUTH",),
        "sigv4: every request is verified; trust: for tests, signatures are not checked, a 12-digit access "
        "key names the account, any other means 123456789012",
        "sigv4",
        read_auth,
        "MODE",
    ),
    Option(
        "region",
        ("ENTREPOT_REGION",),
        "used where a request's credential scope names none",
        "us-east-1",
        read_region,
        "NAME",
    ),
    Option(
        "job_workers",
        ("ENTREPOT_JOB_WORKERS",),
        "job worker processes beside the API process; 0 means API only",
        "1",
        partial(read_integer, least=0, most=256),
        "NUMBER",
    ),
    Option(
        "s3_endpoint_url",
        ("ENTREPOT_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
        "where users' buckets are; credentials come from the standard AWS chain of this environment",
        "AWS",
        read_http_url,
        "URL",
    ),
    Option(
        "public_url",
        ("ENTREPOT_PUBLIC_URL",),
        "the base of the signed URLs that are handed out",
        "http://host:port",
        read_http_url,
        "URL",
    ),
    Option(
        "limits",
        ("ENTREPOT_LIMITS",),
        "quotas other than the service's own, as a JSON object {limit name: value}",
        "those of AWS Data Exchange",
        read_limits,
        "JSON",
        on_command_line=False,
    ),
    Option(
        "job_timeout_seconds",
        ("ENTREPOT_JOB_TIMEOUT",),
        "how many seconds a job may take before it is TIMED_OUT",
        "86400",
        partial(read_integer, least=1, most=31_536_000),
        "SECONDS",
        on_command_line=False,
    ),
    Option(
        "job_retention_days",
        ("ENTREPOT_JOB_RETENTION_DAYS",),
        "how many days after its creation a job that does not run is forgotten",
        "90",
        partial(read_integer, least=1, most=36_500),
        "DAYS",
        on_command_line=False,
    ),
    Option(
        "server_side_copy",
        ("ENTREPOT_SERVER_SIDE_COPY",),
        "whether stores may copy by themselves; false moves every byte through the worker",
        "true",
        read_boolean,
        "BOOLEAN",
        on_command_line=False,
    ),
    Option(
        "redshift_endpoint_url",
        ("ENTREPOT_REDSHIFT_ENDPOINT_URL",),
        "where Amazon Redshift is: datashares are verified and authorised; or aws",
        "not configured",
        read_service_endpoint,
        "URL",
        on_command_line=False,
    ),
    Option(
        "lake_formation_endpoint_url",
        ("ENTREPOT_LAKE_FORMATION_ENDPOINT_URL",),
        "where AWS Lake Formation is: LF-tag policies are checked and granted; or aws",
        "not configured",
        read_service_endpoint,
        "URL",
        on_command_line=False,
    ),
    Option(
        "glue_endpoint_url",
        ("ENTREPOT_GLUE_ENDPOINT_URL",),
        "where AWS Glue is: the data catalogue is looked at; or aws",
        "not configured",
        read_service_endpoint,
        "URL",
        on_command_line=False,
    ),
    Option(
        "kms_endpoint_url",
        ("ENTREPOT_KMS_ENDPOINT_URL",),
        "where AWS KMS is: keys of S3 data access are granted; or aws",
        "not configured",
        read_service_endpoint,
        "URL",
        on_command_line=False,
    ),
    Option(
        "event_bridge_endpoint_url",
        ("ENTREPOT_EVENT_BRIDGE_ENDPOINT_URL",),
        "where Amazon EventBridge is: events are put; or aws",
        "not configured",
        read_service_endpoint,
        "URL",
        on_command_line=False,
    ),
    Option(
        "event_bus",
        ("ENTREPOT_EVENT_BUS",),
        "the bus of EventBridge that events are put on: its name",
        "default",
        read_text,
        "NAME",
        on_command_line=False,
    ),
    Option(
        "event_retention_days",
        ("ENTREPOT_EVENT_RETENTION_DAYS",),
        "how many days events are kept",
        "90",
        partial(read_integer, least=1, most=36_500),
        "DAYS",
        on_command_line=False,
    ),
    Option(
        "sts_endpoint_url",
        ("ENTREPOT_STS_ENDPOINT_URL",),
        "where AWS STS is: roles that users name are assumed; or aws",
        "not configured",
        read_service_endpoint,
        "URL",
        on_command_line=False,
    ),
    Option(
        "api_endpoint",
        ("ENTREPOT_API_ENDPOINT",),
        "where the APIs of API assets are: a URL with {ApiId}, {Stage}, {region}, {AccountId}; JSON; "
        "or the path of a file with one",
        DEFAULT_TEMPLATE,
        read_api_endpoints,
        "URL",
        on_command_line=False,
    ),
    Option(
        "allowed_networks",
        ("ENTREPOT_ALLOWED_NETWORKS",),
        "networks of which users may name addresses (APIs, webhooks) though they are not public",
        "none",
        read_networks,
        "CIDRS",
        on_command_line=False,
    ),
    Option(
        "ca_bundle",
        ("AWS_CA_BUNDLE",),
        "certificates that S3 is trusted by instead of the system's",
        "the system's",
        read_path,
        "FILE",
        on_command_line=False,
    ),
    Option(
        "https_proxy",
        ("https_proxy", "HTTPS_PROXY"),
        "the proxy to S3 over https",
        "none",
        read_proxy,
        "URL",
        on_command_line=False,
    ),
    Option(
        "http_proxy",
        ("http_proxy", "HTTP_PROXY"),
        "the proxy to S3 over http",
        "none",
        read_proxy,
        "URL",
        on_command_line=False,
    ),
    Option(
        "no_proxy",
        ("no_proxy", "NO_PROXY"),
        "hosts and domains that are reached without a proxy; * is all of them",
        "none",
        read_names,
        "NAMES",
        on_command_line=False,
    ),
    Option(
        "aws_access_key_id",
        ("AWS_ACCESS_KEY_ID",),
        "the S3 key of this server",
        "the AWS chain",
        read_text,
        on_command_line=False,
    ),
    Option(
        "aws_secret_access_key",
        ("AWS_SECRET_ACCESS_KEY",),
        "and its secret",
        "the AWS chain",
        read_text,
        on_command_line=False,
    ),
    Option(
        "aws_session_token",
        ("AWS_SESSION_TOKEN",),
        "and its session token",
        "none",
        read_text,
        on_command_line=False,
    ),
)
SECRET_OPTIONS = frozenset({"aws_secret_access_key", "aws_session_token"})
