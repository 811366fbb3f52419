"""Several accounts of one running exchange, each with its own keys; what they do, they do through an SDK."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from entrepot.testing import RunningServer

PATIENCE_SECONDS = 60.0


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
        request = AWSRequest("GET", f"{self.url}/entrepot/events?limit=1000")
        keys = Credentials(self.access_key_id, self.secret_access_key)
        SigV4Auth(keys, "dataexchange", "us-east-1").add_auth(request)
        with urllib.request.urlopen(
            urllib.request.Request(request.url, headers=dict(request.headers))
        ) as answer:
            events: list[dict[str, Any]] = json.load(answer)["Events"]
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
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := self.events_about(resource, detail_type)):
            assert time.monotonic() < deadline, f"there is no event {detail_type!r} about {resource}"
            time.sleep(0.02)
        (event,) = found
        return event

    def environ(self) -> dict[str, str]:
        """What a command line program needs to be this account."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
        }


def first_account(server: RunningServer, *options: str) -> Account:
    """The account that the first start made; the options say where the database is, if elsewhere."""
    (listed,) = run_entrepot(server, "account", "list", *options)["Accounts"]
    return _account(server, listed["AccountId"], server.access_key_id, server.secret_access_key)


def new_account(server: RunningServer, name: str, *options: str) -> Account:
    """Another account, made while the server runs; the options as above."""
    made = run_entrepot(server, "account", "create", "--name", name, *options)
    return _account(server, made["AccountId"], made["AccessKeyId"], made["SecretAccessKey"])


def allow_bucket(
    server: RunningServer, account: Account, bucket: str, *options: str, stdin: str | None = None
) -> None:
    """Lets the account use the bucket."""
    run_entrepot(server, "bucket", "allow", bucket, "--account", account.id, *options, stdin=stdin)


def run_entrepot(server: RunningServer, *arguments: str, stdin: str | None = None) -> Any:
    """A command beside the server; its JSON."""
    line = [sys.executable, "-m", "entrepot", *arguments, "--data-dir", str(server.data_dir)]
    ran = subprocess.run(line, check=True, capture_output=True, text=True, input=stdin)
    return json.loads(ran.stdout)


def _account(server: RunningServer, account_id: str, access_key_id: str, secret: str) -> Account:
    client = boto3.session.Session(access_key_id, secret).client(
        "dataexchange",
        endpoint_url=server.url,
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
    )
    return Account(account_id, access_key_id, secret, server.url, client)
