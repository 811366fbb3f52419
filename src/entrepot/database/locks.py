"""Locks by name: for what must be counted and then written without anybody writing in between."""

from __future__ import annotations

from entrepot.database.connection import Connection


async def hold(c: Connection, name: str) -> None:
    """Until the end of the transaction nobody else holds `name`, in this process or in another.

    What is read after it includes whatever the former holder committed. Raises `RuntimeError` outside a
    transaction.
    """
    await c.hold(name)
