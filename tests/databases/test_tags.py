"""Tags, on both databases."""

from __future__ import annotations

from tests.databases.rows import ELSEWHERE, SCOPE

from entrepot.database import tags
from entrepot.database.connection import Database

ARN = "arn:aws:dataexchange:us-east-1:123456789012:data-sets/1"


async def test_putting_tags_merges_them_by_key(database: Database) -> None:
    await tags.put(database, SCOPE, ARN, {"b": "1", "a": "2"})
    await tags.put(database, SCOPE, ARN, {"b": "3", "Größe": ""})
    found = await tags.get(database, SCOPE, ARN)
    assert found == {"a": "2", "b": "3", "Größe": ""}
    assert list(found) == ["Größe", "a", "b"]
    await tags.put(database, SCOPE, ARN, {})
    assert await tags.get(database, SCOPE, ARN) == found


async def test_removing_keys_ignores_those_that_are_missing(database: Database) -> None:
    await tags.put(database, SCOPE, ARN, {"a": "1", "b": "2", "ä'\"": "3"})
    await tags.remove(database, SCOPE, ARN, ["a", "ä'\"", "missing"])
    await tags.remove(database, SCOPE, ARN, [])
    assert await tags.get(database, SCOPE, ARN) == {"b": "2"}


async def test_tags_belong_to_their_scope(database: Database) -> None:
    await tags.put(database, SCOPE, ARN, {"a": "1"})
    for scope in ELSEWHERE:
        assert await tags.get(database, scope, ARN) == {}
        await tags.remove(database, scope, ARN, ["a"])
        await tags.remove_prefix(database, scope, ARN)
    assert await tags.get(database, SCOPE, ARN) == {"a": "1"}


async def test_removing_a_prefix_takes_the_resource_and_what_is_below_it_only(database: Database) -> None:
    arns = [ARN, f"{ARN}/revisions/2", f"{ARN}/revisions/2/assets/3", f"{ARN}0", f"{ARN[:-1]}0", f"{ARN}-"]
    await tags.put_many(database, SCOPE, {arn: {"a": "1"} for arn in arns})
    await tags.remove_prefix(database, SCOPE, ARN)
    assert [len(await tags.get(database, SCOPE, arn)) for arn in arns] == [0, 0, 0, 1, 1, 1]
