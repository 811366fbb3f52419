"""Moments of time as texts: what the AWS CLI shows of an answer's, and sends of a parameter's.

The form that the service uses (`2023-01-17T18:53:30.871Z`) is dealt with here, digit by digit. Every other
form that the CLI understands (days, offsets, RFC 822, seconds since 1970 in local time, free text) is left to
`unusual_timestamp`, which takes long to import.
"""

from __future__ import annotations

from entrepot.client.client_errors import UnreadableAnswer

_LAST_DAYS = {"04": "30", "06": "30", "09": "30", "11": "30"}


def to_iso8601(value: object) -> str:
    """An answer's timestamp as the CLI shows it: `2023-01-17T18:53:30.871000+00:00`.

    The fraction is left out where it is zero. Raises `UnreadableAnswer`.
    """
    plain = _split_plain(value)
    if plain is not None:
        second, fraction = plain
        return f"{second}{fraction}+00:00"
    from entrepot.client.unusual_timestamp import parse

    try:
        return parse(value).isoformat()
    except (ValueError, RuntimeError, TypeError, AttributeError, OverflowError) as error:
        raise UnreadableAnswer(str(error)) from error


def to_wire(value: object) -> str:
    """A parameter as the service reads it, in UTC. Raises what `unusual_timestamp.parse` raises."""
    plain = _split_plain(value)
    if plain is not None and plain[0] >= "1000":  # the C library prints earlier years in its own ways
        second, fraction = plain
        return f"{second}{fraction}Z"
    from entrepot.client.unusual_timestamp import parse_in_utc

    moment = parse_in_utc(value)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if moment.microsecond else "%Y-%m-%dT%H:%M:%SZ")


def is_timestamp(value: object) -> bool:
    """Whether a parameter can be read as a moment of time. May raise `RuntimeError` or `OverflowError`."""
    if _split_plain(value) is not None:
        return True
    from entrepot.client.unusual_timestamp import parse_in_utc

    try:
        parse_in_utc(value)
    except (TypeError, ValueError, AttributeError):
        return False
    return True


def _split_plain(value: object) -> tuple[str, str] | None:
    """`2023-01-17T18:53:30` and `.871000` (or nothing) of a text in the service's form; None for all else."""
    if type(value) is not str or not value.isascii() or value[10:11] != "T" or value[-1] != "Z":
        return None
    second, fraction = value[:19], value[19:-1]
    digits = second[:4] + second[5:7] + second[8:10] + second[11:13] + second[14:16] + second[17:]
    formed = len(digits) == 14 and digits.isdigit() and second[4::3] == "--T::"
    if not formed or not _exists(second[:4], second[5:7], second[8:10]) or not _is_time(second[11:]):
        return None
    if not fraction:
        return second, ""
    if fraction[0] != "." or not fraction[1:].isdigit():
        return None
    microseconds = fraction[1:7].ljust(6, "0")
    return second, "" if microseconds == "000000" else f".{microseconds}"


def _is_time(text: str) -> bool:
    return text[:2] <= "23" and text[3:5] <= "59" and text[6:] <= "59"


def _exists(year: str, month: str, day: str) -> bool:
    if year == "0000" or not "01" <= month <= "12":
        return False
    if month == "02":
        number = int(year)
        leap = number % 4 == 0 and (number % 100 != 0 or number % 400 == 0)
        return "01" <= day <= ("29" if leap else "28")
    return "01" <= day <= _LAST_DAYS.get(month, "31")
