"""Several accounts of one running exchange, each with its own keys; what they do, they do through an SDK."""

from __future__ import annotations

import io
import json
import threading
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from random import randrange
from typing import Any
from unittest import mock

from tests.functional.clients import client, signed_get
from tests.functional.flow import until
from tests.servers.exchanges import Exchange

from entrepot.cli.main import main


@dataclass(frozen=True)
class Account:
    """One account and a client of it."""

    id: str
    access_key_id: str
    secret_access_key: str
    url: str
    client: Any

    def events(self) -> list[dict[str, Any]]:
        """All events that the account has."""
        url = f"{self.url}/entrepot/events?limit=1000"
        events: list[dict[str, Any]] = signed_get(url, self.access_key_id, self.secret_access_key)["Events"]
        return events

    def events_about(self, resource: str, detail_type: str) -> list[dict[str, Any]]:
        """Those of that type about one resource."""
        return [
            event
            for event in self.events()
            if event["resources"] == [resource] and event["detail-type"] == detail_type
        ]

    def awaited_event(self, resource: str, detail_type: str) -> dict[str, Any]:
        """The one event of that type about the resource, once it is there."""
        what = f"told: {detail_type!r} about {resource}"
        (event,) = until(lambda: self.events_about(resource, detail_type), what)
        return event

    def write_profile(self, folder: Path) -> Path:
        """Writes what a first start writes for its account; the folder, for ENTREPOT_DATA_DIR."""
        (folder / "aws").mkdir(parents=True)
        (folder / "aws" / "config").write_text(
            f"[profile entrepot]\nregion = us-east-1\nendpoint_url = {self.url}\n"
        )
        (folder / "aws" / "credentials").write_text(
            f"[entrepot]\naws_access_key_id = {self.access_key_id}\n"
            f"aws_secret_access_key = {self.secret_access_key}\n"
        )
        return folder

    def environ(self) -> dict[str, str]:
        """What a command line program needs to be this account."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
        }


def new_account_id() -> str:
    """One that nobody has: in trust mode whoever names it has that account."""
    return str(randrange(10**11, 10**12))


def first_account(exchange: Exchange) -> Account:
    """The account that the first start made."""
    (listed,) = run_entrepot(exchange, "account", "list")["Accounts"]
    lines = (exchange.data_dir / "aws" / "credentials").read_text().splitlines()
    keys = dict(line.split(" = ") for line in lines if " = " in line)
    return _account(exchange, listed["AccountId"], keys["aws_access_key_id"], keys["aws_secret_access_key"])


def new_account(exchange: Exchange, name: str, *options: str) -> Account:
    """Another account, made while the server runs."""
    made = run_entrepot(exchange, "account", "create", "--name", name, *options)
    return _account(exchange, made["AccountId"], made["AccessKeyId"], made["SecretAccessKey"])


def allow_bucket(exchange: Exchange, account: Account, bucket: str, *options: str, stdin: str = "") -> None:
    """Lets the account use the bucket."""
    run_entrepot(exchange, "bucket", "allow", bucket, "--account", account.id, *options, stdin=stdin)


def run_entrepot(exchange: Exchange, *arguments: str, stdin: str = "") -> Any:
    """A command beside the server; its JSON. It runs in this process, where it needs a tenth of the time."""
    output, errors, status = io.StringIO(), io.StringIO(), []

    def run() -> None:
        status.append(main([*arguments, *exchange.options]))

    # In a thread: whoever calls this may be in an event loop, and commands start one of their own.
    thread = threading.Thread(target=run)
    with redirect_stdout(output), redirect_stderr(errors), mock.patch("sys.stdin", io.StringIO(stdin)):
        thread.start()
        thread.join()
    assert status == [0], errors.getvalue()
    return json.loads(output.getvalue())


def _account(exchange: Exchange, account_id: str, access_key_id: str, secret: str) -> Account:
    made = client("dataexchange", exchange.url, access_key_id, secret)
    return Account(account_id, access_key_id, secret, exchange.url, made)
