"""Moments of time read as botocore, which the AWS CLI is made of, reads them."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime

import botocore.utils
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from entrepot.client.client_errors import UnreadableAnswer
from entrepot.client.timestamp import to_iso8601, to_wire

_DIGITS = st.text("0123456789", min_size=1, max_size=9)
_NEARLY_PLAIN = st.from_regex(
    r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,9})?(Z|z|\+05:30|)",
    fullmatch=True,
)


def _botocore_reads(value: object) -> str:
    try:
        moment: datetime = botocore.utils.parse_timestamp(value)
    except Exception as error:  # noqa: BLE001 - whatever it is: the CLI prints its text
        return str(error)
    return moment.isoformat()


def _we_read(value: object) -> str:
    try:
        return to_iso8601(value)
    except UnreadableAnswer as error:
        return error.message


@example("2023-01-17T18:53:30Z")
@example("2023-01-17T18:53:30.000Z")
@example("2023-01-17T18:53:30.871234567Z")
@example("0001-01-01T00:00:00Z")
@example("0000-01-01T00:00:00Z")
@example("2024-02-29T23:59:59Z")
@example("2023-02-29T23:59:59Z")
@example("1900-02-29T00:00:00Z")
@example("2023-04-31T00:00:00Z")
@example("2023-01-17T24:00:00Z")
@example("2023-01-17T18:53:60Z")
@example("2023-01-17T18:53:30.Z")
@example("2023-01-17T18:53:30.87x1Z")
@example("2023/01/17T18:53:30Z")
@given(_NEARLY_PLAIN)
def test_a_moment_in_the_services_form_is_read_as_botocore_reads_it(text: str) -> None:
    assert _we_read(text) == _botocore_reads(text)


@given(st.datetimes())
def test_every_moment_in_the_services_form_is_read_exactly(moment: datetime) -> None:
    assert to_iso8601(f"{moment.isoformat()}Z") == f"{moment.isoformat()}+00:00"


@example("")
@example("2023-01-17")
@example("20230117T185330Z")
@example("Tue, 17 Jan 2023 18:53:30 GMT")
@example("2023-01-17T18:53:30-0800")
@example("1673981610")
@example("nan")
@example("inf")
@example("1e400")
@example(1673981610.871)
@example(1673981610871)
@example(10**400)
@example(-1)
@example(True)
@example(["2023-01-17T18:53:30Z"])
@example({})
@given(st.integers() | st.floats() | _DIGITS | st.text(max_size=12))
def test_everything_else_is_read_as_botocore_reads_it(value: object) -> None:
    assert _we_read(value) == _botocore_reads(value)


@given(st.datetimes(min_value=datetime(1000, 1, 1)))  # noqa: DTZ001
def test_what_is_sent_is_what_was_meant(moment: datetime) -> None:
    sent = to_wire(f"{moment.isoformat()}Z")
    assert to_iso8601(sent) == f"{moment.isoformat()}+00:00"


def test_early_years_are_written_as_the_c_library_writes_them() -> None:
    assert to_wire("0999-01-01T00:00:00Z") == botocore.utils.parse_to_aware_datetime(
        "0999-01-01T00:00:00Z"
    ).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata", "Europe/London"])
def test_seconds_since_1970_become_local_time(zone: str) -> None:
    program = (
        "from entrepot.client.timestamp import to_iso8601 as ours\n"
        "from botocore.utils import parse_timestamp as theirs\n"
        "for value in (0, 1673981610, 1689619410.5, '1673981610', 'Tue, 17 Jan 2023 18:53:30 GMT'):\n"
        "    assert ours(value) == theirs(value).isoformat(), value\n"
    )
    subprocess.run([sys.executable, "-c", program], env={"TZ": zone}, check=True)
