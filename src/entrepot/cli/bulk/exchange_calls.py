"""The calls to the exchange that `publish` and `fetch` need, tried again where that may help."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from entrepot.cli.bulk.failures import CannotBegin
from entrepot.client.answer_checks import check_answer
from entrepot.client.client_errors import PaginationFailed, ServiceAnswer
from entrepot.client.command_line_model import Model
from entrepot.client.job_following import ENDS, count_of, progress_path
from entrepot.client.retries import Patience, may_pass

_PAGE = 200
"""The most that one page of a listing has."""
_MOST_PAGES = 20_000
_PATIENCE_SECONDS = 60.0
_FULL = frozenset({"ConflictException", "ServiceLimitExceededException"})
_ID = re.compile(r"[a-zA-Z0-9]{30,40}")


class Client(Protocol):
    """What is used of a client of the exchange; each thread has its own."""

    def call(self, operation: Any, parameters: dict[str, Any], /) -> dict[str, Any]:
        """Raises a `ClientError`."""

    def call_as_sent(self, operation: Any, parameters: dict[str, Any], /) -> dict[str, Any]:
        """The same, unread: some answers are long."""

    def get_json(self, path: str, name: str, /) -> dict[str, Any]:
        """A signed GET of what the API of AWS does not have."""


def has_ended(job: Mapping[str, Any]) -> bool:
    return job["State"] in ENDS


class Exchange:
    """Calls the exchange. May be used from several threads: each gets a client of its own.

    What fails because the exchange is overloaded, restarting or out of reach is tried again for a minute.
    """

    def __init__(
        self, open_client: Callable[[], Client], *, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._open_client = open_client
        self._patience_seconds = patience_seconds
        self._model = Model.load()
        self._local = threading.local()
        self._stop = threading.Event()
        self._answered = False

    def call(self, command: str, **parameters: Any) -> dict[str, Any]:
        """One operation, called as on the command line. Parameters that are None are left out.

        Raises a `ClientError`. CreateJob, too, may be sent twice: a job that nobody starts does nothing.
        """
        operation = self._model.operation(command)
        given = {name: value for name, value in parameters.items() if value is not None}
        patience = Patience(seconds=self._patience_seconds)
        while True:
            try:
                client = self._client()
                call = client.call if operation.output is None else client.call_as_sent
                answer = call(operation, given)
                check_answer(command, answer)
            except Exception as error:
                # A wrong address or certificate is told at once: somebody must have answered there before.
                helps = may_pass(error) and (self._answered or isinstance(error, ServiceAnswer))
                pause = patience.pause_after_failure() if helps else None
                if pause is None or self._stop.wait(pause):
                    raise
            else:
                self._answered = True
                return answer

    def stop(self) -> None:
        self._stop.set()

    def progress(self, job_id: str) -> dict[str, int] | None:
        """How far a job is. None from an exchange that does not tell, as AWS."""
        try:
            answer = self._client().get_json(progress_path(job_id), "progress")
            return {name: count_of(answer, name) or 0 for name in ("BytesDone", "ItemsDone")}
        except Exception:  # noqa: BLE001 - progress is a courtesy
            return None

    def _client(self) -> Client:
        client: Client | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self._open_client()
        return client

    def find_data_set(self, id_or_name: str) -> dict[str, Any]:
        """Finds a data set by id, or by a name that only one has. Raises `CannotBegin` and `ClientError`s."""
        if _ID.fullmatch(id_or_name):
            try:
                return self.call("get-data-set", DataSetId=id_or_name)
            except ServiceAnswer as answer:
                if answer.code != "ResourceNotFoundException":
                    raise
        both = (data_set for origin in ("OWNED", "ENTITLED") for data_set in self.data_sets(origin))
        found = [data_set for data_set in both if data_set["Name"] == id_or_name]
        if len(found) == 1:
            return found[0]
        if not found:
            raise CannotBegin(
                f"There is no data set with the id or name {id_or_name!r} in this account and Region; "
                "see `entrepot list-data-sets`."
            )
        ids = ", ".join(str(data_set["Id"]) for data_set in found[:5])
        raise CannotBegin(f"{len(found)} data sets are named {id_or_name!r}; give the id of one: {ids}.")

    def data_sets(self, origin: str) -> Iterator[dict[str, Any]]:
        return self._pages("list-data-sets", "DataSets", Origin=origin)

    def revisions(self, data_set_id: str) -> Iterator[dict[str, Any]]:
        """The revisions of a data set, the newest first."""
        return self._pages("list-data-set-revisions", "Revisions", DataSetId=data_set_id)

    def assets(self, data_set_id: str, revision_id: str) -> Iterator[dict[str, Any]]:
        return self._pages("list-revision-assets", "Assets", DataSetId=data_set_id, RevisionId=revision_id)

    def jobs(
        self, revision_id: str | None = None, *, data_set_id: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """The jobs of a revision, or of a data set, the newest first."""
        return self._pages("list-jobs", "Jobs", RevisionId=revision_id, DataSetId=data_set_id)

    def newest_jobs(self, revision_id: str, count: int) -> Iterator[dict[str, Any]]:
        """The jobs of a revision in pages of that size, for those who only look at the newest."""
        return self._pages("list-jobs", "Jobs", size=count, RevisionId=revision_id)

    def create_job(self, job_type: str, details: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("create-job", Type=job_type, Details=dict(details))

    def start_job(self, job_id: str) -> bool:
        """Starts a job. False when as many jobs of its type run as may: it can be started later."""
        try:
            self.call("start-job", JobId=job_id)
        except ServiceAnswer as answer:
            if answer.code not in _FULL:
                raise
            # Or it was started already, by a request whose answer was lost.
            return bool(self.job(job_id)["State"] != "WAITING")
        return True

    def job(self, job_id: str) -> dict[str, Any]:
        return self.call("get-job", JobId=job_id)

    def cancel_job(self, job_id: str) -> bool:
        """Cancels a job that waits; False for one that was started, or has ended, meanwhile."""
        try:
            self.call("cancel-job", JobId=job_id)
        except ServiceAnswer as answer:
            if answer.code not in {"ConflictException", "ResourceNotFoundException"}:
                raise
            return answer.code == "ResourceNotFoundException"
        return True

    def _pages(
        self, command: str, key: str, *, size: int = _PAGE, **parameters: Any
    ) -> Iterator[dict[str, Any]]:
        token: str | None = None
        seen: set[str] = set()
        for _ in range(_MOST_PAGES):
            page = self.call(command, MaxResults=min(size, _PAGE), NextToken=token, **parameters)
            yield from page.get(key, ())
            token = page.get("NextToken")
            if not token:
                return
            if token in seen:
                raise PaginationFailed(f"The answer to {command} leads back to a page that has been read.")
            seen.add(token)
        raise PaginationFailed(f"The answer to {command} has more than {_MOST_PAGES:,} pages.")
