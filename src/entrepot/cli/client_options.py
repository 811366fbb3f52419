"""How the commands for people reach an exchange: the options of a connection, and a client made from them."""

from __future__ import annotations

from entrepot.client.client import Client
from entrepot.client.configuration import Configuration
from entrepot.client.target import Options, check_settings, resolve_target
from entrepot.settings.environment import environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say which exchange is meant and who asks, as operations have them."""
    group = parser.add_argument_group(
        "the exchange",
        "found as the AWS CLI finds its service (options, variables, ~/.aws), and last in the data directory "
        "of a server on this machine",
    )
    group.add_argument("--endpoint-url", metavar="URL", help="where the exchange is")
    group.add_argument("--profile", metavar="NAME", help="a profile of ~/.aws/config and ~/.aws/credentials")
    group.add_argument("--region", metavar="NAME", help="the Region whose resources are meant")
    group.add_argument("--no-verify-ssl", action="store_true", help="accept any TLS certificate")
    group.add_argument("--ca-bundle", metavar="FILE", help="certificates to trust instead of the system's")
    group.add_argument("--cli-connect-timeout", metavar="SECONDS", help="to connect in; 0 is no limit")
    group.add_argument("--cli-read-timeout", metavar="SECONDS", help="to wait for an answer; 0 is no limit")


def open_client(options: argparse.Namespace) -> Client:
    """A client of the exchange that is meant. Raises `ClientError` where a setting is missing or wrong."""
    connection = connection_options(options)
    check_settings(configuration_of(options), connection)
    return client_of(connection, environment())


def client_of(options: Options, environ: Mapping[str, str]) -> Client:
    """A client whose connection stays open between calls, for one thread. Raises as `open_client`."""
    return Client(resolve_target(Configuration(environ, profile=options.profile), options))


def configuration_of(options: argparse.Namespace) -> Configuration:
    return Configuration(environment(), profile=options.profile)


def connection_options(options: argparse.Namespace) -> Options:
    return Options(
        profile=options.profile,
        region=options.region,
        endpoint_url=options.endpoint_url,
        verify_ssl=not options.no_verify_ssl,
        ca_bundle=options.ca_bundle,
        connect_timeout=options.cli_connect_timeout,
        read_timeout=options.cli_read_timeout,
    )
