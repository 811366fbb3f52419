"""Pieces of SQL that more than one module of queries is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sql
from sqlalchemy import Column, ColumnElement, Table, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from entrepot.database.connection import Connection, Query, Row, Value
from entrepot.domain.scope import Scope


def same(*columns: Column[Any]) -> list[ColumnElement[bool]]:
    """Conditions that each column equals the parameter of its name."""
    return [column == bindparam(column.name) for column in columns]


def in_scope(table: Table) -> list[ColumnElement[bool]]:
    """Conditions on the parameters `account_id` and `region`: what isolates accounts and Regions."""
    return same(table.c.account_id, table.c.region)


def scoped(scope: Scope) -> dict[str, str]:
    """The parameters `account_id` and `region`, for `in_scope`."""
    return {"account_id": scope.account_id, "region": scope.region}


async def fetch_count(c: Connection, query: Query, **parameters: Value) -> int:
    """What a query counts."""
    row = await c.fetch_one(query, **parameters)
    return 0 if row is None else int(row[0])


def values_of(table: Table) -> dict[str, ColumnElement[Any]]:
    """Every column of the table as the parameter of its name, for INSERT."""
    return {column.name: bindparam(column.name, type_=column.type) for column in table.columns}


def upsert(table: Table) -> Query:
    """An INSERT that overwrites the row of the same primary key.

    Text, because SQLAlchemy has one construct for each dialect where both databases know the same SQL.
    """
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key.columns]
    values = ", ".join(f":{name}" for name in names)
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys)
    return Query(
        sql.text(
            f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({values}) "  # noqa: S608 - our own names
            f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"
        )
    )


class now_in_milliseconds(FunctionElement[int]):  # noqa: N801 - reads as a function of SQL
    """The database's own clock; only for what no answer of the API shows."""

    type = sql.BigInteger()
    inherit_cache = True


@compiles(now_in_milliseconds, "sqlite")
def _now_on_sqlite(element: now_in_milliseconds, compiler: SQLCompiler, **options: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(now_in_milliseconds, "postgresql")
def _now_on_postgresql(element: now_in_milliseconds, compiler: SQLCompiler, **options: object) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


class _elements(FunctionElement[str]):  # noqa: N801 - reads as a function of SQL
    inherit_cache = True


@compiles(_elements, "sqlite")
def _elements_on_sqlite(element: _elements, compiler: SQLCompiler, **options: object) -> str:
    return f"json_each({compiler.process(element.clauses)})"


@compiles(_elements, "postgresql")
def _elements_on_postgresql(element: _elements, compiler: SQLCompiler, **options: object) -> str:
    return f"jsonb_array_elements_text(CAST({compiler.process(element.clauses)} AS jsonb))"


def among(column: Column[str], parameter: str) -> ColumnElement[bool]:
    """Whether the column is one of the texts in the parameter, which is made by `texts`.

    One statement for any number of them.
    """
    elements = _elements(bindparam(parameter, type_=sql.Text())).table_valued(sql.column("value", sql.Text))
    return column.in_(sql.select(elements.c.value))


def texts(values: Sequence[str]) -> str:
    """A sequence of texts as one parameter, for `among`."""
    return msgspec.json.encode(values).decode()


class Pages:
    """Pages of a statement in descending order of two columns, by keyset.

    A page costs the same wherever it lies. `position` must be the last columns of an index whose first ones
    the statement compares with parameters: then nothing is sorted and nothing else is read.
    """

    __slots__ = ("_first", "_following")

    def __init__(self, statement: sql.Select[Any], position: tuple[Column[Any], Column[Any]]) -> None:
        ordered = statement.order_by(*(column.desc() for column in position)).limit(
            bindparam("limit", type_=sql.Integer)
        )
        after = sql.tuple_(*(bindparam(f"after_{i}", type_=column.type) for i, column in enumerate(position)))
        self._first = Query(ordered)
        self._following = Query(ordered.where(sql.tuple_(*position) < after))

    async def fetch(
        self, c: Connection, after: tuple[Value, str] | None, limit: int, **parameters: Value
    ) -> list[Row]:
        """The `limit` rows that follow the position `after`, or the first ones."""
        if after is None:
            return await c.fetch_all(self._first, limit=limit, **parameters)
        return await c.fetch_all(
            self._following, limit=limit, after_0=after[0], after_1=after[1], **parameters
        )

    @property
    def queries(self) -> tuple[Query, Query]:
        """The query of the first page and that of the others."""
        return self._first, self._following
