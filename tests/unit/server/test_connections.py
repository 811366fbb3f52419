"""How many connections a server holds, and which give way."""

from __future__ import annotations

import logging

import pytest

from entrepot.server.connections import Connections


class Connection:
    def __init__(self, *, idle: bool = True) -> None:
        self.idle = idle
        self.is_ended = False

    def is_idle(self) -> bool:
        return self.idle

    def make_room(self) -> None:
        self.is_ended = True


def opened(connections: Connections, count: int, address: str, *, idle: bool = True) -> list[Connection]:
    made = [Connection(idle=idle) for _ in range(count)]
    for connection in made:
        assert connections.admit(connection, address)
    return made


def test_where_there_are_as_many_as_may_be_the_longest_idle_one_makes_room() -> None:
    connections = Connections(most=3, most_of_address=3)
    first, second, third = opened(connections, 3, "a")
    connections.used(first)
    assert connections.admit(Connection(), "b")
    assert (first.is_ended, second.is_ended, third.is_ended) == (False, True, False)
    assert connections.count == 3
    assert connections.cut == {"idle": 1}


def test_one_address_cannot_take_the_room_of_others() -> None:
    connections = Connections(most=10, most_of_address=4)
    of_others = opened(connections, 3, "b")
    opened(connections, 100, "a")
    assert connections.count == 7
    assert not any(connection.is_ended for connection in of_others)


def test_what_is_being_answered_is_not_cut_and_the_newcomer_has_to_wait() -> None:
    connections = Connections(most=2, most_of_address=2)
    busy = opened(connections, 2, "a", idle=False)
    assert not connections.admit(Connection(), "b")
    assert not connections.admit(Connection(), "a")
    assert not any(connection.is_ended for connection in busy)
    assert connections.cut == {"refused": 2}
    connections.closed(busy[0])
    assert connections.admit(Connection(), "b")


def test_a_closed_connection_is_forgotten_however_often_that_is_told() -> None:
    connections = Connections(most=2, most_of_address=1)
    (connection,) = opened(connections, 1, "a")
    connections.closed(connection)
    connections.closed(connection)
    connections.used(connection)
    assert connections.count == 0
    opened(connections, 1, "a")


def test_the_log_tells_the_first_and_then_at_most_one_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    connections = Connections(most=1, most_of_address=1, descriptors=1024, clock=lambda: now)
    with caplog.at_level(logging.WARNING):
        opened(connections, 100, "a")
        assert len(caplog.messages) == 1
        assert "1024 open files" in caplog.messages[0]
        now = 61.0
        opened(connections, 1, "a")
    assert len(caplog.messages) == 2
    assert "99 idle ones were closed" in caplog.messages[1]


@pytest.mark.parametrize(
    ("descriptors", "most"), [(64, 1), (256, 64), (1024, 448), (65_536, 10_000), (2**62, 10_000)]
)
def test_their_number_follows_from_the_limit_of_open_files(descriptors: int, most: int) -> None:
    connections = Connections.within(descriptors)
    assert connections.most == most
    assert connections.most_of_address == max(1, most // 2)
