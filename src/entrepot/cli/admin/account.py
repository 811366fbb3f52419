"""`entrepot account create|list`."""

from __future__ import annotations

import argparse
import os
import re
import sys

from entrepot.cli.admin.database_access import on_exchange
from entrepot.cli.arguments import Parser, add_settings, settings_of
from entrepot.cli.terminal_text import print_json
from entrepot.client.client_errors import UsageError
from entrepot.database import accounts
from entrepot.database.connection import Database
from entrepot.domain.access_key import new_access_key
from entrepot.server.secrets import SecretBox

_DESCRIPTION = """\
Accounts of this exchange. Everything in an account is kept apart from every other one.

create prints the account's id with a first access key, whose secret is shown this one time. It may be used
while the server runs. Give --account-id where the account has an id at AWS already: Lake Formation and Amazon
Redshift give access to accounts of AWS."""
_LONGEST_NAME = 256


def run(arguments: list[str]) -> int:
    parser = Parser("account", _DESCRIPTION)
    parser.add_argument("action", choices=("create", "list"))
    parser.add_argument("--name", default="", help="create: what people call the account")
    parser.add_argument("--account-id", help="create: twelve digits, instead of random ones")
    add_settings(parser, ("data_dir", "database"))
    options = parser.parse_args(arguments)
    print_json(_create(options) if options.action == "create" else _list(options))
    return 0


def _create(options: argparse.Namespace) -> dict[str, str]:
    from entrepot.operations.accounts import add_account, new_account_id
    from entrepot.wiring.shared import clock

    if len(options.name) > _LONGEST_NAME:
        raise UsageError(f"--name takes {_LONGEST_NAME} characters at most")
    if options.account_id is not None and not re.fullmatch(r"\d{12}", options.account_id, re.ASCII):
        raise UsageError(f"--account-id takes twelve digits, not {options.account_id!r}")
    access_key = new_access_key(os.urandom)
    account_id = options.account_id or new_account_id()

    async def create(database: Database, secrets: SecretBox) -> bool:
        async with database.transaction() as connection:
            known = await accounts.list_accounts(connection)
            if any(account.account_id == account_id for account in known):
                raise UsageError(
                    f"There is an account {account_id} already; "
                    f"entrepot key create --account-id {account_id} makes it another key."
                )
            await add_account(connection, secrets, account_id, options.name, access_key, clock())
        return len(known) == 1

    if on_exchange(settings_of(options), create):
        print(
            "note: with two accounts, each uses the buckets that it was allowed and no others; "
            "the first one, too: see `entrepot bucket allow --help`",
            file=sys.stderr,
        )
    return {"AccountId": account_id, "AccessKeyId": access_key[0], "SecretAccessKey": access_key[1]}


def _list(options: argparse.Namespace) -> dict[str, object]:
    found = on_exchange(settings_of(options), lambda database, _: accounts.list_accounts(database))
    return {
        "Accounts": [
            {
                "AccountId": account.account_id,
                "Name": account.name,
                "CreatedAt": account.created_at.isoformat(),
            }
            for account in found
        ]
    }
