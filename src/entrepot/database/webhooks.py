"""Queries of webhooks."""

from __future__ import annotations

import json

import sqlalchemy as sql

from entrepot.database.connection import Connection, Query, Row
from entrepot.database.expressions import among, same, texts, values_of
from entrepot.database.tables import EVENT_DELIVERIES, WEBHOOKS
from entrepot.domain.timestamp import Timestamp
from entrepot.domain.webhook import Webhook

_w = WEBHOOKS.c
_SELECT = sql.select(WEBHOOKS)

_INSERT = Query(sql.insert(WEBHOOKS).values(values_of(WEBHOOKS)))
_GET = Query(_SELECT.where(*same(_w.id)))
_LIST = Query(_SELECT.order_by(_w.account_id, _w.created_at, _w.id))
_OF_ACCOUNT = Query(  # index webhooks_of_account
    _SELECT.where(*same(_w.account_id)).order_by(_w.created_at, _w.id)
)
_OF_ACCOUNTS = Query(_SELECT.where(among(_w.account_id, "account_ids")))
_REMOVE = Query(sql.delete(WEBHOOKS).where(*same(_w.id)))
_REMOVE_DELIVERIES = Query(sql.delete(EVENT_DELIVERIES).where(*same(EVENT_DELIVERIES.c.target)))


def _webhook(row: Row) -> Webhook:
    webhook_id, account_id, url, encrypted_secret, detail_types_json, created_at = row
    return Webhook(
        id=webhook_id,
        account_id=account_id,
        url=url,
        encrypted_secret=encrypted_secret,
        detail_types=None if detail_types_json is None else tuple(json.loads(detail_types_json)),
        created_at=Timestamp(created_at),
    )


async def insert(c: Connection, webhook: Webhook) -> None:
    """Adds a webhook. Crash: it is there or not."""
    types = webhook.detail_types
    await c.execute(
        _INSERT,
        id=webhook.id,
        account_id=webhook.account_id,
        url=webhook.url,
        encrypted_secret=webhook.encrypted_secret,
        detail_types_json=None if types is None else json.dumps(types),
        created_at=webhook.created_at.milliseconds,
    )


async def get(c: Connection, webhook_id: str) -> Webhook | None:
    """One webhook, whosever it is."""
    row = await c.fetch_one(_GET, id=webhook_id)
    return None if row is None else _webhook(row)


async def list_webhooks(c: Connection, account_id: str | None) -> list[Webhook]:
    """The webhooks of one account, or of all of them, the oldest of each first."""
    if account_id is None:
        return [_webhook(row) for row in await c.fetch_all(_LIST)]
    return [_webhook(row) for row in await c.fetch_all(_OF_ACCOUNT, account_id=account_id)]


async def of_accounts(c: Connection, account_ids: set[str]) -> list[Webhook]:
    return [_webhook(row) for row in await c.fetch_all(_OF_ACCOUNTS, account_ids=texts(sorted(account_ids)))]


async def remove(c: Connection, webhook_id: str) -> bool:
    """Forgets a webhook with all of its deliveries; False when there is none. Crash: gone whole, or not."""
    async with c.transaction() as t:
        await t.execute(_REMOVE_DELIVERIES, target=webhook_id)
        return await t.execute(_REMOVE, id=webhook_id) == 1
