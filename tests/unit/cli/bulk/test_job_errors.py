from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from entrepot.cli.bulk.failures import reason_of, verdict

KEYS = [f"key-{number}" for number in range(10)]


def failed(*errors: dict[str, Any], state: str = "ERROR") -> dict[str, Any]:
    return {"Id": "job", "State": state, "Errors": list(errors)}


def error(code: str, *keys: str, **more: object) -> dict[str, Any]:
    details = {"ImportAssetsFromS3JobErrorDetails": [{"Bucket": "b", "Key": key} for key in keys]}
    return {"Code": code, "Message": "No.", **({"Details": details} if keys else {}), **more}


def test_objects_that_are_named_are_given_up_and_the_others_tried_again() -> None:
    found = verdict(failed(error("RESOURCE_NOT_FOUND_EXCEPTION", "key-3", "key-7")), KEYS, tried_before=False)
    assert set(found.failed) == {"key-3", "key-7"}
    assert found.again == [[key for key in KEYS if key not in {"key-3", "key-7"}]]
    assert "RESOURCE_NOT_FOUND_EXCEPTION" in found.failed["key-3"]


def test_where_none_is_named_halves_are_tried() -> None:
    found = verdict(failed(error("ACCESS_DENIED_EXCEPTION")), KEYS, tried_before=True)
    assert found.failed == {}
    assert found.again == [KEYS[:5], KEYS[5:]]


def test_a_problem_of_the_exchange_is_tried_once_more() -> None:
    job = failed(error("INTERNAL_SERVER_EXCEPTION"))
    assert verdict(job, KEYS, tried_before=False).again == [KEYS]
    assert set(verdict(job, KEYS, tried_before=True).failed) == set(KEYS)
    assert verdict(failed(state="TIMED_OUT"), KEYS, tried_before=False).again == [KEYS]


def test_what_is_wrong_with_the_revision_is_wrong_for_all() -> None:
    full = error("SERVICE_QUOTA_EXCEEDED_EXCEPTION", LimitName="Assets per revision", LimitValue=10000.0)
    assert set(verdict(failed(full), KEYS, tried_before=False).failed) == set(KEYS)
    closed = error("VALIDATION_EXCEPTION", ResourceType="REVISION")
    assert set(verdict(failed(closed), KEYS, tried_before=False).failed) == set(KEYS)


@given(st.sets(st.sampled_from(KEYS)), st.booleans())
def test_trying_again_ends_and_loses_only_what_is_bad(bad: set[str], names_them: bool) -> None:
    waiting, lost, moved = [(KEYS, False)], set(), set()
    for _ in range(100):
        if not waiting:
            break
        keys, tried = waiting.pop()
        wrong = [key for key in keys if key in bad]
        if not wrong:
            moved |= set(keys)
            continue
        job = failed(error("RESOURCE_NOT_FOUND_EXCEPTION", *(wrong if names_them else ())))
        found = verdict(job, keys, tried_before=tried)
        lost |= set(found.failed)
        waiting += [(list(part), True) for part in found.again]
    assert (lost, moved) == (bad, set(KEYS) - bad)


def test_reasons_say_what_to_do() -> None:
    assert "run the command again" in reason_of({"Id": "1", "State": "CANCELLED"})
    assert "Allow the exchange" in reason_of(failed(error("ACCESS_DENIED_EXCEPTION")))
