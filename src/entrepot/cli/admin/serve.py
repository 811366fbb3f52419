"""`entrepot serve`."""

from __future__ import annotations

from entrepot.cli.arguments import Parser, add_settings, settings_of

_DESCRIPTION = """\
Serves the AWS Data Exchange API, signed URLs and job workers on one port.

In a new data directory it creates an account and an access key, and prints the line with which the AWS CLI
uses them. /healthz, /readyz and /metrics are on the same port. Stop it with Ctrl-C or SIGTERM: running jobs
are handed back, and go on at the next start."""


def run(arguments: list[str]) -> int:
    parser = Parser("serve", _DESCRIPTION)
    add_settings(parser)
    settings = settings_of(parser.parse_args(arguments))
    from entrepot.server.serve import run_server

    return run_server(settings)
