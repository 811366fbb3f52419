"""`entrepot webhook add|list|remove|dead-letters|replay`."""

from __future__ import annotations

import argparse
import os
import secrets as random_secrets
import sys
from contextlib import suppress
from ipaddress import ip_address

from entrepot.cli.admin.database_access import on_exchange, require_account
from entrepot.cli.arguments import Parser, add_settings, settings_of
from entrepot.cli.terminal_text import print_json
from entrepot.client.client_errors import UsageError
from entrepot.database import event_deliveries, webhooks
from entrepot.database.connection import Database
from entrepot.domain.errors import TargetForbidden
from entrepot.domain.event import DetailType
from entrepot.domain.identifiers import identifier
from entrepot.domain.webhook import EVENT_BRIDGE, Webhook
from entrepot.integrations.network_addresses import Target, forbidden_meaning
from entrepot.server.secrets import SecretBox
from entrepot.settings.settings import Settings

_DESCRIPTION = f"""\
Webhooks: addresses to which an account's events are sent as they happen, each as a signed CloudEvent.

add prints the secret that deliveries are signed with, this one time. An address inside of your own network is
called only where ENTREPOT_ALLOWED_NETWORKS of the server allows it.

A delivery that fails is tried again for most of a day, then it is a dead letter. dead-letters shows them, of
one webhook or of all, each with its reason; replay sends those of one webhook again, with --all also what it
has had already. EventBridge is the webhook {EVENT_BRIDGE} to these two.

All of it may be used while the server runs."""
_LONGEST_URL = 2048
_TAKES = {
    "add": "add takes a URL, and --account",
    "list": "list takes no further word, perhaps --account",
    "remove": "remove takes the id of a webhook",
    "dead-letters": "dead-letters takes the id of a webhook, or nothing",
    "replay": "replay takes the id of a webhook, perhaps --all",
}


def run(arguments: list[str]) -> int:
    parser = Parser("webhook", _DESCRIPTION)
    parser.add_argument("action", choices=tuple(_TAKES))
    parser.add_argument("subject", nargs="?", metavar="URL|ID", help="add: where to send; else which webhook")
    parser.add_argument("--account", metavar="ID", help="add, list: whose events")
    parser.add_argument(
        "--event",
        action="append",
        choices=[detail_type.value for detail_type in DetailType],
        metavar="DETAIL-TYPE",
        help="add: only events of this type, such as 'Revision Published To Data Set'; may be repeated",
    )
    parser.add_argument("--all", action="store_true", help="replay: also what has been delivered")
    add_settings(parser, ("data_dir", "database", "auth"))
    options = parser.parse_args(arguments)
    if not _fits(options):
        parser.error(_TAKES[options.action])
    action = {"add": _add, "list": _list, "remove": _remove, "dead-letters": _dead_letters, "replay": _replay}
    print_json(action[options.action](options, settings_of(options)))
    return 0


def _fits(options: argparse.Namespace) -> bool:
    """Whether the action is given what it takes and nothing else."""
    action: str = options.action
    has_subject = options.subject is not None
    return (
        (has_subject or action in {"list", "dead-letters"})
        and not (has_subject and action == "list")
        and (options.account is not None or action != "add")
        and (options.account is None or action in {"add", "list"})
        and (options.event is None or action == "add")
        and (not options.all or action == "replay")
    )


def _add(options: argparse.Namespace, settings: Settings) -> dict[str, object]:
    from entrepot.wiring.shared import clock

    url = _checked_url(options.subject)
    webhook_id = identifier(os.urandom(16))
    secret = f"whsec_{random_secrets.token_urlsafe(32)}"
    types = None if options.event is None else tuple(dict.fromkeys(options.event))

    async def add(database: Database, secrets: SecretBox) -> None:
        await require_account(database, settings.auth, options.account)
        webhook = Webhook(
            id=webhook_id,
            account_id=options.account,
            url=url,
            encrypted_secret=secrets.seal(secret.encode(), webhook_id),
            detail_types=types,
            created_at=clock(),
        )
        await webhooks.insert(database, webhook)

    on_exchange(settings, add)
    return {"WebhookId": webhook_id, "AccountId": options.account, "Url": url, "Secret": secret}


def _checked_url(url: str) -> str:
    if len(url) > _LONGEST_URL:
        raise UsageError(f"a URL takes {_LONGEST_URL} characters at most")
    try:
        host = Target.parse(url).host
    except TargetForbidden as error:
        raise UsageError(error.message) from None
    meaning = None
    with suppress(ValueError):  # a name, and who knows what it leads to later
        meaning = forbidden_meaning(ip_address(host))
    if meaning is not None:
        print(
            f"note: {host} {meaning}; the server calls it only where ENTREPOT_ALLOWED_NETWORKS says so",
            file=sys.stderr,
        )
    return url


def _list(options: argparse.Namespace, settings: Settings) -> dict[str, object]:
    found = on_exchange(settings, lambda database, _: webhooks.list_webhooks(database, options.account))
    return {
        "Webhooks": [
            {
                "WebhookId": webhook.id,
                "AccountId": webhook.account_id,
                "Url": webhook.url,
                "DetailTypes": "all" if webhook.detail_types is None else list(webhook.detail_types),
                "CreatedAt": webhook.created_at.isoformat(),
            }
            for webhook in found
        ]
    }


def _remove(options: argparse.Namespace, settings: Settings) -> dict[str, object]:
    if not on_exchange(settings, lambda database, _: webhooks.remove(database, options.subject)):
        raise _no_such(options.subject)
    return {"WebhookId": options.subject, "Status": "Removed"}


def _dead_letters(options: argparse.Namespace, settings: Settings) -> dict[str, object]:
    async def find(database: Database, secrets: SecretBox) -> object:
        if options.subject is not None:
            await _require_target(database, options.subject)
        return [
            {
                "WebhookId": letter.target,
                "EventId": letter.event_id,
                "DetailType": letter.detail_type,
                "AccountId": letter.account_id,
                "Attempts": letter.attempts,
                "Error": letter.error,
                "GivenUpAt": letter.given_up_at.isoformat(),
            }
            for letter in await event_deliveries.dead_letters(database, options.subject)
        ]

    return {"DeadLetters": on_exchange(settings, find)}


def _replay(options: argparse.Namespace, settings: Settings) -> dict[str, object]:
    from entrepot.wiring.shared import clock

    async def replay(database: Database, secrets: SecretBox) -> int:
        await _require_target(database, options.subject)
        return await event_deliveries.replay(database, options.subject, clock(), delivered_too=options.all)

    return {"WebhookId": options.subject, "Replayed": on_exchange(settings, replay)}


async def _require_target(database: Database, target: str) -> None:
    if target != EVENT_BRIDGE and await webhooks.get(database, target) is None:
        raise _no_such(target)


def _no_such(webhook_id: str) -> UsageError:
    return UsageError(f"there is no webhook {webhook_id}; `entrepot webhook list` shows them")
