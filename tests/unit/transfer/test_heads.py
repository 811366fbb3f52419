"""How far a listing is read for the keys that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from entrepot.stores.store import ListedObject
from entrepot.transfer.heads import infos_from_listing


class Shelf:
    """A store that can only be listed, and writes down with what."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = sorted(keys)
        self.asked: list[tuple[str, str]] = []

    def list(self, prefix: str, *, after: str = "", limit: int = 1000) -> list[ListedObject]:
        self.asked.append((prefix, after))
        matching = [key for key in self._keys if key.startswith(prefix) and key > after]
        return [ListedObject(key, len(key), f"etag of {key}") for key in matching[:limit]]


def numbered(*numbers: int) -> list[str]:
    return [f"p{number:05d}" for number in numbers]


@pytest.mark.parametrize(
    ("stored", "wanted", "found", "pages"),
    [
        (range(10), range(3), range(3), 1),
        (range(3000), range(1500, 1600), range(1500, 1600), 1),
        (range(3000), range(0, 300, 3), range(0, 300, 3), 2),
        (range(3000), [*range(0, 160, 4), *range(1000, 1040)], range(0, 160, 4), 2),
        (range(3000), range(0, 3000, 100), [0], 1),
        (range(10), range(20, 30), [], 1),
    ],
    ids=[
        "all on one page",
        "neighbours amid many",
        "close enough for another page",
        "two pages and no more",
        "far apart",
        "none",
    ],
)
def test_a_listing_is_read_as_far_as_it_helps(stored: Any, wanted: Any, found: Any, pages: int) -> None:
    shelf: Any = Shelf(numbered(*stored))
    infos = infos_from_listing(shelf, numbered(*wanted))
    assert set(infos) == set(numbered(*found))
    assert all(infos[key].etag == f"etag of {key}" for key in infos)
    assert len(shelf.asked) == pages


def test_a_listing_begins_just_before_the_first_key_under_what_the_keys_have_in_common() -> None:
    shelf: Any = Shelf(["data/2024/a.csv", "data/2025/b.csv"])
    infos_from_listing(shelf, ["data/2025/b.csv", "data/2024/a.csv"])
    assert shelf.asked == [("data/202", "data/2024/a.cs")]
