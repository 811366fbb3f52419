"""What is said of a PostgreSQL database, and what is kept back."""

from __future__ import annotations

import socket

import psycopg
import pytest

from entrepot.database.connection import open_database
from entrepot.database.migrate import migrate
from entrepot.database.postgresql import connection_text, translated
from entrepot.domain.errors import DatabaseUnavailable


def test_messages_name_host_port_and_database_and_not_the_password() -> None:
    text, place = connection_text("postgresql://me:s3cret@db.example:6543/exchange?sslmode=require")
    assert place == "PostgreSQL at db.example:6543/exchange"
    assert "s3cret" in text
    assert "sslmode=require" in text


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://me@/?host=/run/pg", "PostgreSQL at /run/pg:5432/me"),
        ("postgres://10.0.0.1/d", "PostgreSQL at 10.0.0.1:5432/d"),
        ("postgresql:///d", "PostgreSQL at localhost:5432/d"),
    ],
)
def test_what_a_url_leaves_out_is_filled_in(url: str, place: str) -> None:
    assert connection_text(url)[1] == place


def test_a_url_that_cannot_be_read_is_not_repeated() -> None:
    with pytest.raises(DatabaseUnavailable) as raised:
        connection_text("postgresql://me:s3cret%@db.example/exchange")
    assert "s3cret" not in raised.value.message
    assert raised.value.__cause__ is None
    assert "postgresql://user:password@host:port/database" in raised.value.message


def test_ones_own_settings_of_the_connection_win() -> None:
    text, _ = connection_text("postgresql://h/d?connect_timeout=77&application_name=mine")
    assert psycopg.conninfo.conninfo_to_dict(text) == {
        "host": "h",
        "dbname": "d",
        "connect_timeout": "77",
        "application_name": "mine",
        "client_encoding": "UTF8",
    }


async def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else can answer there
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        url = f"postgresql://me:s3cret@127.0.0.1:{port}/exchange"
        for attempt in (open_database(url), _migrate(url)):
            with pytest.raises(DatabaseUnavailable) as raised:
                await attempt
            assert raised.value.message.startswith(f"PostgreSQL at 127.0.0.1:{port}/exchange cannot be used")
            assert "s3cret" not in raised.value.message


async def _migrate(url: str) -> None:
    migrate(url)


def test_a_deadlock_is_worth_another_try() -> None:
    error = translated(psycopg.errors.DeadlockDetected("deadlock detected"), "PostgreSQL at h:1/d")
    assert not isinstance(error, DatabaseUnavailable)
    assert "try again" in error.message
