"""Errors of `publish` and `fetch`, and why a job did not complete, in words that say what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entrepot.client.client_errors import ClientError


class CannotBegin(ClientError):
    """Nothing was done; the message says why, and what to do."""


class AlreadyRunning(CannotBegin):
    """The same command runs already."""


class GivenUp(ClientError):
    """So much failed, and nothing succeeded, that the rest was not tried."""


class ItemFailed(ClientError):
    """One file, object or asset could not be moved; the others go on, and the exit code is 1."""


class FolderFull(ItemFailed):
    """The disk has no room for a file, nor for the others."""


_ADVICE = {
    "ACCESS_DENIED_EXCEPTION": "Allow the exchange to read or write there, then run the command again.",
    "INTERNAL_SERVER_EXCEPTION": "Run the command again later, or ask whoever runs the exchange.",
    "MALWARE_DETECTED": "The exchange does not take it.",
    "MALWARE_SCAN_ENCRYPTED_FILE": "The exchange does not take what it cannot scan: publish it unencrypted.",
    "RESOURCE_NOT_FOUND_EXCEPTION": "Run the command again: it looks anew at what there is.",
    "SERVICE_QUOTA_EXCEEDED_EXCEPTION": "Leave it out, or have the quota raised.",
}
WHOLE_JOB = frozenset({"Assets per revision"})
"""Limits that say nothing of single objects."""


def reason_of(job: Mapping[str, Any]) -> str:
    """Why a job ended without completing, in one line."""
    errors = job.get("Errors") or ()
    if errors:
        return " ".join(_sentence(error) for error in errors)
    if job["State"] == "CANCELLED":
        return f"job {job['Id']} was cancelled by somebody; run the command again."
    return f"job {job['Id']} ended {job['State']}; run the command again."


def _sentence(error: Mapping[str, Any]) -> str:
    message = str(error.get("Message", "")).rstrip()
    # Entrepot's messages say by themselves what to do; the service of AWS only says what is wrong.
    advice = "" if len(message) > 60 else " " + _ADVICE.get(error["Code"], "")
    return f"{error['Code']}: {message}{advice}".rstrip()


def may_pass_again(job: Mapping[str, Any]) -> bool:
    """Whether asking once more may help, because nothing is wrong with what was asked for."""
    errors = job.get("Errors") or ()
    internal = bool(errors) and all(error["Code"] == "INTERNAL_SERVER_EXCEPTION" for error in errors)
    return job["State"] == "TIMED_OUT" or internal


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from the failure of a job of several objects, which fails as a whole."""

    failed: Mapping[str, str]
    """The objects, by their keys, that are given up, with the reason."""
    again: Sequence[Sequence[str]] = ()
    """The jobs to make in its place, by the keys of their objects."""


def verdict(problem: Exception | Mapping[str, Any], keys: Sequence[str], *, tried_before: bool) -> Verdict:
    """Gives up the objects that a job's errors name; where none are named, halves will tell which."""
    if isinstance(problem, Exception):
        return Verdict(dict.fromkeys(keys, str(problem)))
    if may_pass_again(problem) and not tried_before:
        return Verdict({}, [keys])
    named = _named_objects(problem)
    bad = {key: named[key] for key in keys if key in named}
    good = [key for key in keys if key not in named]
    if bad and good:
        return Verdict(bad, [good])
    if not bad and len(good) > 1 and not may_pass_again(problem) and not _is_about_all(problem):
        middle = len(good) // 2
        return Verdict({}, [good[:middle], good[middle:]])
    return Verdict({key: named.get(key, reason_of(problem)) for key in keys})


def _is_about_all(job: Mapping[str, Any]) -> bool:
    errors = job.get("Errors") or ()
    return not errors or any(
        error.get("LimitName") in WHOLE_JOB or error.get("ResourceType") in {"DATA_SET", "REVISION"}
        for error in errors
    )


def _named_objects(job: Mapping[str, Any]) -> dict[str, str]:
    return {
        place["Key"]: _sentence(error)
        for error in job.get("Errors") or ()
        for place in (error.get("Details") or {}).get("ImportAssetsFromS3JobErrorDetails") or ()
    }
