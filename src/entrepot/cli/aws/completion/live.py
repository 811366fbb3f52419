"""Finds ids for completion by asking the server.

Only lists are read. Whatever goes wrong, or takes longer than the limit, is as if nothing were there.
"""

from __future__ import annotations

import time

from entrepot.cli.aws.completion.values import Candidate
from entrepot.settings.environment import environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from entrepot.client.client import Client

    Entry = dict[str, Any]
    Meaning = Callable[[Entry], str]

LIMIT_SECONDS = 1.0
_PAGE_SIZE = 200
_FRESH_SECONDS = 5.0
_STARTABLE = {"start-job": {"WAITING"}, "cancel-job": {"WAITING", "IN_PROGRESS"}}


class Listing:
    """A list operation that finds ids, and what to take of its entries."""

    def __init__(
        self,
        command: str,
        result_key: str,
        meaning: Meaning,
        *,
        id_key: str = "Id",
        parameters: dict[str, Any] | None = None,
        states: set[str] | None = None,
    ) -> None:
        self.command = command
        self.result_key = result_key
        self.meaning = meaning
        self.id_key = id_key
        self.parameters = parameters or {}
        self.states = states
        self.key = f"{command} {id_key} {sorted(self.parameters.items())} {sorted(states or ())}"


class Connection:
    """Which server to ask: options of the line, else what is configured."""

    def __init__(self, environ: Mapping[str, str], given: Mapping[str, list[str]]) -> None:
        """`given` are the options of the line by flag."""
        from entrepot.client.target import Options

        def last(flag: str) -> str | None:
            values = given.get(flag)
            return values[-1] if values else None

        # Looking for the metadata of a cloud instance alone takes longer than anybody waits here.
        self.environ = {"AWS_EC2_METADATA_DISABLED": "true", **environ, "AWS_MAX_ATTEMPTS": "1"}
        self.options = Options(
            profile=last("--profile"),
            region=last("--region"),
            endpoint_url=last("--endpoint-url"),
            verify_ssl="--no-verify-ssl" not in given,
            ca_bundle=last("--ca-bundle"),
            sign="--no-sign-request" not in given,
            read_timeout="1",
            connect_timeout="1",
        )
        options = self.options
        self.key = repr((options.profile, options.region, options.endpoint_url, options.sign))


class LiveIds:
    """Asks a server, and remembers the answers for some seconds, since a prompt asks after every letter."""

    def __init__(
        self, environ: Mapping[str, str] | None = None, *, limit_seconds: float = LIMIT_SECONDS
    ) -> None:
        self._environ = environment() if environ is None else environ
        self._limit = limit_seconds
        self._remembered: dict[str, tuple[float, list[Candidate]]] = {}

    def ids(
        self,
        member: str,
        command: str,
        known: Mapping[str, str],
        given: Mapping[str, list[str]],
        typed: str = "",
    ) -> list[Candidate]:
        """Values for a parameter such as `RevisionId`. Takes no longer than the limit, and never raises.

        `known` are parameters with a value, `given` the options of the line, `typed` the begun value.
        """
        connection = Connection(self._environ, given)
        wanted = {f"{connection.key} {one.key}": one for one in listings(member, command, known, typed)}
        stale = {key: one for key, one in wanted.items() if not self._is_fresh(key)}
        for key, found in _within(self._limit, connection, stale).items():
            self._remembered[key] = (time.monotonic(), found)
        return [candidate for key in wanted for candidate in self._remembered[key][1]]

    def _is_fresh(self, key: str) -> bool:
        at, _ = self._remembered.get(key, (-_FRESH_SECONDS, []))
        return time.monotonic() - at < _FRESH_SECONDS


def _within(
    limit_seconds: float, connection: Connection, wanted: Mapping[str, Listing]
) -> dict[str, list[Candidate]]:
    """Asks for lists, a thread for each; what has not come within the limit is left out."""
    import threading

    found: dict[str, list[Candidate]] = {key: [] for key in wanted}
    threads = [
        threading.Thread(target=_fetch, args=(connection, listing, found[key]), daemon=True)
        for key, listing in wanted.items()
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + limit_seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return {key: list(candidates) for key, candidates in found.items()}


def _fetch(connection: Connection, listing: Listing, found: list[Candidate]) -> None:
    from contextlib import closing

    from entrepot.cli.client_options import client_of
    from entrepot.cli.terminal_text import printable

    try:
        with closing(client_of(connection.options, connection.environ)) as client:
            # What has come when the time is up is there already: a list grows while it is extended.
            found.extend(
                Candidate(entry[listing.id_key], printable(listing.meaning(entry)))
                for entry in _entries(client, listing)
                if _is_harmless(entry[listing.id_key])
                if listing.states is None or entry.get("State") in listing.states
            )
    except Exception:  # noqa: BLE001 - a suggestion that cannot be had is no suggestion; nobody asked for an error
        return


def _is_harmless(value: object) -> bool:
    """Whether this is an id or an ARN: what a server answers becomes part of a line that a shell runs."""
    from entrepot.client.answer_checks import is_id

    return isinstance(value, str) and all(is_id(part) for part in value.replace("/", ":").split(":") if part)


def _entries(client: Client, listing: Listing) -> Iterator[Entry]:
    from entrepot.client.command_line_model import load_operation

    operation = load_operation(listing.command)
    parameters = {**listing.parameters, "MaxResults": _PAGE_SIZE}
    while True:
        answer = client.call(operation, parameters)
        yield from answer.get(listing.result_key, ())
        token = answer.get("NextToken")
        if not token:
            return
        parameters["NextToken"] = token


def listings(member: str, command: str, known: Mapping[str, str], typed: str) -> list[Listing]:
    """The lists in which values of a parameter are found; none where something must be known first."""
    entitled = command.startswith(("get-", "list-", "fetch"))
    match member:
        case "JobId":
            return [Listing("list-jobs", "Jobs", _of_job, states=_STARTABLE.get(command))]
        case "DataSetId" | "SourceDataSetId" | "EventSourceId":
            return _data_sets(entitled=entitled)
        case "RevisionId" | "AssetId":
            return _inside_data_set(member, known)
        case "ResourceArn":
            return _resources(typed)
        case _:
            return _SIMPLE.get(member, [])


def _inside_data_set(member: str, known: Mapping[str, str]) -> list[Listing]:
    if "DataSetId" not in known:
        return []
    if member == "RevisionId":
        return _revisions(known["DataSetId"])
    if "RevisionId" not in known:
        return []
    parameters = {"DataSetId": known["DataSetId"], "RevisionId": known["RevisionId"]}
    return [Listing("list-revision-assets", "Assets", _of("Name"), parameters=parameters)]


def _revisions(data_set: str, id_key: str = "Id") -> list[Listing]:
    asked = {"DataSetId": data_set}
    return [Listing("list-data-set-revisions", "Revisions", _of_revision, id_key=id_key, parameters=asked)]


def _data_sets(*, entitled: bool, id_key: str = "Id") -> list[Listing]:
    origins = ("OWNED", "ENTITLED") if entitled else ("OWNED",)
    return [
        Listing("list-data-sets", "DataSets", _of("Name"), id_key=id_key, parameters={"Origin": origin})
        for origin in origins
    ]


def _resources(typed: str) -> list[Listing]:
    """Lists of what can have tags: revisions only of a data set whose ARN is typed."""
    data_sets = _data_sets(entitled=False, id_key="Arn")
    _, mark, rest = typed.partition(":data-sets/")
    data_set, slash, _ = rest.partition("/")
    if mark and slash and data_set:
        return _revisions(data_set, id_key="Arn")
    event_actions = Listing("list-event-actions", "EventActions", _of_event_action, id_key="Arn")
    grants = Listing("list-data-grants", "DataGrantSummaries", _of("Name"), id_key="Arn")
    return [*data_sets, event_actions, grants]


def _of(key: str) -> Meaning:
    return lambda entry: str(entry.get(key, ""))


def _of_job(entry: Entry) -> str:
    return f"{entry.get('State', '')} {entry.get('Type', '')}, {_day(entry)}"


def _of_revision(entry: Entry) -> str:
    state = "revoked" if entry.get("Revoked") else "final" if entry.get("Finalized") else "open"
    comment = entry.get("Comment")
    return f"{state}, {_day(entry)}{f': {comment}' if comment else ''}"


def _of_event_action(entry: Entry) -> str:
    event = entry.get("Event", {}).get("RevisionPublished", {})
    return f"revisions of {event.get('DataSetId', 'a data set')}"


def _day(entry: Entry) -> str:
    return str(entry.get("CreatedAt", ""))[:16].replace("T", " ")


_SIMPLE = {
    "EventActionId": [Listing("list-event-actions", "EventActions", _of_event_action)],
    "DataGrantId": [Listing("list-data-grants", "DataGrantSummaries", _of("Name"))],
    "DataGrantArn": [Listing("list-received-data-grants", "DataGrantSummaries", _of("Name"), id_key="Arn")],
}
"""Parameters whose values are found without knowing anything else."""
