"""`entrepot worker`."""

from __future__ import annotations

import argparse

from entrepot.cli.arguments import Parser, add_settings, settings_of

_DESCRIPTION = """\
Runs jobs, and nothing else: one process, as many jobs at once as it can.

On more machines, give each the same --database (PostgreSQL) and --store (s3://…) as the server; the data
directory is each machine's own. Stop it with Ctrl-C or SIGTERM: its jobs are handed back to other workers."""
_SETTINGS = ("data_dir", "database", "store", "region", "s3_endpoint_url", "public_url", "unproven_sources")


def run(arguments: list[str]) -> int:
    parser = Parser("worker", _DESCRIPTION)
    add_settings(parser, _SETTINGS)
    parser.add_argument("--supervised", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    settings = settings_of(options)
    from entrepot.server.worker_process import run_worker

    return run_worker(settings, supervised=options.supervised)
