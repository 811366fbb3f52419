"""Reads moments of time in every form that the AWS CLI reads, with the very library it reads them with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dateutil.parser
import dateutil.tz

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse(value: Any) -> datetime:
    """A moment from a text, or from seconds since 1970, which become local time.

    A text that names no zone gives a moment without one. Raises `ValueError` where there is no such moment,
    `RuntimeError` where it is too far away, and `OverflowError` where it is further than floats reach.
    """
    try:
        return _parse(value)
    except (OSError, OverflowError):
        pass  # beyond what the C library can turn into local time
    too_far = f'Unable to calculate correct timezone offset for "{value}"'
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise RuntimeError(too_far) from None
    try:
        return _EPOCH.astimezone(dateutil.tz.tzlocal()) + timedelta(seconds=seconds)
    except (OSError, OverflowError):
        raise RuntimeError(too_far) from None


def parse_in_utc(value: Any) -> datetime:
    """The same in UTC; what names no zone is taken to be in UTC. A `datetime` is accepted too."""
    moment = value if isinstance(value, datetime) else parse(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _parse(value: Any) -> datetime:
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, dateutil.tz.tzlocal())
    try:
        return datetime.fromtimestamp(float(value), dateutil.tz.tzlocal())
    except (TypeError, ValueError):
        pass
    try:
        # GMT is said here, lest it be taken for the local zone of a machine in Great Britain.
        moment: datetime = dateutil.parser.parse(value, tzinfos={"GMT": dateutil.tz.tzutc()})
    except (TypeError, ValueError) as error:
        raise ValueError(f'Invalid timestamp "{value}": {error}') from error
    return moment
