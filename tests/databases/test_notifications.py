"""ClientTokens of notifications, on both databases."""

from __future__ import annotations

import pytest
from tests.databases.rows import ELSEWHERE, SCOPE, at

from entrepot.database import notifications
from entrepot.database.connection import Database
from entrepot.domain.errors import DatabaseError


async def test_a_token_says_what_was_sent_under_it(database: Database, other: Database) -> None:
    assert await notifications.sent_under(database, SCOPE, "a") is None
    await notifications.remember(database, SCOPE, "a", "digest", at(0))
    assert await notifications.sent_under(other, SCOPE, "a") == "digest"
    assert await notifications.sent_under(other, SCOPE, "b") is None
    for scope in ELSEWHERE:
        assert await notifications.sent_under(other, scope, "a") is None
        await notifications.remember(other, scope, "a", "another", at(0))
    assert await notifications.sent_under(database, SCOPE, "a") == "digest"


async def test_a_token_is_used_once(database: Database) -> None:
    await notifications.remember(database, SCOPE, "a", "digest", at(0))
    with pytest.raises(DatabaseError):
        await notifications.remember(database, SCOPE, "a", "another", at(1))


async def test_old_tokens_are_forgotten(database: Database) -> None:
    for number in range(4):
        await notifications.remember(database, SCOPE, f"{number}", "digest", at(number))
    assert await notifications.forget(database, before=at(2)) == 2
    found = [await notifications.sent_under(database, SCOPE, f"{number}") for number in range(4)]
    assert found == [None, None, "digest", "digest"]
    assert await notifications.forget(database, before=at(2)) == 0
