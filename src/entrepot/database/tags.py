"""Queries of tags: keys and values that a user put on a resource, named by its ARN."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sql

from entrepot.database.connection import Connection, Parameters, Query
from entrepot.database.expressions import among, in_scope, same, scoped, texts, upsert
from entrepot.database.tables import TAGS
from entrepot.domain.scope import Scope

_t = TAGS.c
_OF_RESOURCE = [*in_scope(TAGS), *same(_t.arn)]

# The primary key serves all of them.
_GET = Query(sql.select(_t.key, _t.value).where(*_OF_RESOURCE).order_by(_t.key))
_PUT = upsert(TAGS)
_REMOVE = Query(sql.delete(TAGS).where(*_OF_RESOURCE, among(_t.key, "keys")))
_REMOVE_RESOURCE = Query(sql.delete(TAGS).where(*_OF_RESOURCE))
_REMOVE_BELOW = Query(
    sql.delete(TAGS).where(
        *in_scope(TAGS), _t.arn >= sql.bindparam("from_arn"), _t.arn < sql.bindparam("to_arn")
    )
)


def _rows(scope: Scope, arn: str, tags: Mapping[str, str]) -> list[Parameters]:
    resource = {**scoped(scope), "arn": arn}
    return [{**resource, "key": key, "value": value} for key, value in tags.items()]


async def get(c: Connection, scope: Scope, arn: str) -> dict[str, str]:
    """The tags of a resource, ordered by key."""
    rows = await c.fetch_all(_GET, **scoped(scope), arn=arn)
    return dict(rows)


async def put(c: Connection, scope: Scope, arn: str, tags: Mapping[str, str]) -> None:
    """Adds tags; a key that is there gets the new value. Crash: all of them or none."""
    await put_many(c, scope, {arn: tags})


async def put_many(c: Connection, scope: Scope, tags_of: Mapping[str, Mapping[str, str]]) -> None:
    """Adds tags to several resources. Crash: all of them or none."""
    rows = [row for arn, tags in tags_of.items() for row in _rows(scope, arn, tags)]
    if rows:
        await c.execute_many(_PUT, rows)


async def remove(c: Connection, scope: Scope, arn: str, keys: Collection[str]) -> None:
    """Removes the tags with these keys; one that is not there is no error."""
    await c.execute(_REMOVE, **scoped(scope), arn=arn, keys=texts(list(keys)))


async def remove_prefix(c: Connection, scope: Scope, arn: str) -> None:
    """Removes every tag of a resource and of what lies below it (`{arn}/…`); for use within its deletion."""
    within = scoped(scope)
    await c.execute(_REMOVE_RESOURCE, arn=arn, **within)
    await c.execute(_REMOVE_BELOW, from_arn=f"{arn}/", to_arn=f"{arn}0", **within)  # "0" follows "/"
