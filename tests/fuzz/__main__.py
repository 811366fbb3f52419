"""Sends an exchange very many requests, good ones and others: `make fuzz REQUESTS=100000 SEED=1`.

All operations of the API, the S3 gateway and the signed URLs, by several accounts at once, and by strangers.
All operations of the API, the S3 gateway and the signed URLs, by several accounts at once and by strangers.
is not as it must be: a failure of the server, an answer that nobody can read, something of another account,
memory that grows, too few requests that succeed.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos.progress import told_at_the_end
from tests.fuzz.belongings import settled
from tests.fuzz.run import fuzz, tracebacks
from tests.servers.exchanges import known
from tests.servers.http_api import running_api
from tests.servers.postgresql import running_postgresql

from entrepot.testing import running_entrepot, running_seaweedfs

_ACCOUNTS = 4


def main() -> int:
    options = _options()
    return told_at_the_end("entrepot-fuzz-", partial(_run, options), keep=options.keep)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--keep", action="store_true", help="keep the data and the logs in any case")
    return parser.parse_args()


def _run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    with ExitStack() as stack:
        storage = stack.enter_context(running_seaweedfs(folder))
        api = stack.enter_context(running_api())
        database = ""
        if options.database == "postgresql":
            database = stack.enter_context(running_postgresql(folder))
        environ = {
            "AWS_ACCESS_KEY_ID": storage.access_key_id,
            "AWS_SECRET_ACCESS_KEY": storage.secret_access_key,
            "ENTREPOT_S3_ENDPOINT_URL": storage.endpoint_url,
            "ENTREPOT_API_ENDPOINT": json.dumps({"weather/prod": f"{api.url}/prod"}),
            **({"ENTREPOT_DATABASE": database} if database else {}),
        }
        server = stack.enter_context(running_entrepot(folder / "exchange", environ=environ))
        exchange = replace(known(server), database=database)
        accounts = stack.enter_context(settled(exchange, storage, _ACCOUNTS))
        summary = {
            "Database": options.database,
            **fuzz(exchange, accounts, options.requests, options.seed),
        }
        summary["Violations"] += tracebacks(exchange.log)
        return summary


if __name__ == "__main__":
    sys.exit(main())
