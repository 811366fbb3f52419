"""`entrepot account create|list`."""

from __future__ import annotations

import argparse
import os

from entrepot.cli.arguments import Parser, add_settings, settings_of
from entrepot.cli.exchange import on_exchange, print_json
from entrepot.client.errors import UsageError
from entrepot.database import accounts
from entrepot.database.connection import Database
from entrepot.domain.access_key import new_access_key
from entrepot.server.secrets import SecretBox

_DESCRIPTION = """\
Accounts of this exchange. Everything in an account is kept apart from every other one.

create prints the account's id with a first access key, whose secret is shown this one time. It may be used
while the server runs."""
_LONGEST_NAME = 256


def run(arguments: list[str]) -> int:
    """Prints JSON on standard output."""
    parser = Parser("account", _DESCRIPTION)
    parser.add_argument("action", choices=("create", "list"))
    parser.add_argument("--name", default="", help="create: what people call the account")
    add_settings(parser, ("data_dir", "database"))
    options = parser.parse_args(arguments)
    print_json(_create(options) if options.action == "create" else _list(options))
    return 0


def _create(options: argparse.Namespace) -> dict[str, str]:
    from entrepot.container import clock
    from entrepot.server.first_start import new_account_id, stored_key

    if len(options.name) > _LONGEST_NAME:
        raise UsageError(f"--name takes {_LONGEST_NAME} characters at most")
    access_key_id, secret = new_access_key(os.urandom)
    account_id = new_account_id()

    async def create(database: Database, secrets: SecretBox) -> None:
        now = clock()
        async with database.transaction() as connection:
            await accounts.insert_account(connection, account_id, options.name, now)
            key = stored_key(secrets, access_key_id, secret, account_id, now)
            await accounts.insert_key(connection, key)

    on_exchange(settings_of(options), create)
    return {"AccountId": account_id, "AccessKeyId": access_key_id, "SecretAccessKey": secret}


def _list(options: argparse.Namespace) -> dict[str, object]:
    async def list_all(database: Database, secrets: SecretBox) -> object:
        return [
            {
                "AccountId": account.account_id,
                "Name": account.name,
                "CreatedAt": account.created_at.isoformat(),
            }
            for account in await accounts.list_accounts(database)
        ]

    return {"Accounts": on_exchange(settings_of(options), list_all)}
