"""Writing an answer: which format, through which query, to a pager or to standard output.

json, table and yaml wait for all pages of a listing and show one answer; text and yaml-stream show each page
as it comes. The other formats know nothing of pages, queries and pagers, and are loaded only when asked for.
"""

from __future__ import annotations

import contextlib
import sys

from entrepot.cli.aws.output.terminal import on_terminal
from entrepot.client.client_errors import OutputError, OutputLost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from entrepot.cli.aws.output.query import Query
    from entrepot.cli.aws.output.terminal import Pager, TextStream
    from entrepot.client.pagination import Pages


FORMATS = ("json", "text", "table", "yaml", "yaml-stream", "off")
"""`off`, which shows nothing, came with a later AWS CLI than the one that this program equals."""

_ACCIDENTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""Errors of encoding are ValueErrors."""


def write(
    answers: list[dict[str, Any]] | Pages,
    *,
    operation_name: str,
    output_format: str,
    query: Query | None = None,
    colour: str = "auto",
    pager: Pager | None = None,
) -> None:
    """Write the answer of an operation, alone in its list, or the pages of a listing, in one of FORMATS.

    Pages are fetched only when all that can be wrong with the output itself has been looked at. `colour` is
    on, off or auto. The pager is used when standard output is a terminal.

    Raises OutputError, OutputLost, PagerUnavailable, and whatever fetching pages raises; part of the output
    may be written by then. A reader who went away is none of these, except with text.
    """
    show = _way_of_showing(output_format, colour)
    source = _Source(answers, operation_name, query)
    if pager is not None and pager.command and on_terminal():
        with _accidents_told():
            pager.open()
        try:
            # Whoever has seen enough leaves the pager, and the rest has nowhere to go.
            with contextlib.suppress(OSError, OutputLost):
                show(source, pager)
        finally:
            pager.close()
        return
    try:
        show(source, sys.stdout or _ClosedOutput())
    except OSError as error:
        raise OutputError(str(error)) from error


class _Source:
    """What is to be shown, as a whole or page by page, with the query applied."""

    def __init__(self, answers: list[dict[str, Any]] | Pages, title: str, query: Query | None) -> None:
        self.title = title
        self._query = query
        self._answers = answers

    @property
    def is_listing(self) -> bool:
        """Whether there are pages, even if only one."""
        return not isinstance(self._answers, list)

    def whole(self) -> Any:
        """The answer; of a listing all items, and where to go on if it was cut short."""
        pages = self._answers
        if isinstance(pages, list):
            return self.selected(pages[0])
        return self.selected(pages.full_result())

    def pages(self) -> Iterable[Any]:
        return map(self.selected, self._answers)

    def items(self) -> Iterable[Any]:
        """The items of each page of a listing, and then where to go on, or the one answer."""
        pages = self._answers
        if isinstance(pages, list):
            yield self.selected(pages[0])
            return
        for page in pages:
            yield self.selected({pages.result_key: page.get(pages.result_key)})
        if pages.resume_token:
            # As if it were an answer of its own: a query that selects items makes it null, printed as None.
            yield self.selected({"NextToken": {"NextToken": pages.resume_token}})

    def selected(self, answer: Any) -> Any:
        return answer if self._query is None else self._query.search(answer)


def _way_of_showing(output_format: str, colour: str) -> Callable[[_Source, TextStream], None]:
    match output_format:
        case "json":
            return _whole(write_json)
        case "text":
            return _show_text
        case "table":
            from entrepot.cli.aws.output.table_format import TableFormat, palette

            return _whole(TableFormat(palette(colour)).write)
        case "yaml":
            from entrepot.cli.aws.output.yaml_format import write_yaml

            return _whole(write_yaml)
        case "yaml-stream":
            return _show_yaml_stream
        case "off":
            return _show_nothing
    raise OutputError(f"Unknown output type: {output_format}")


def _whole(write_answer: Callable[[str, Any, TextStream], None]) -> Callable[[_Source, TextStream], None]:
    def show(source: _Source, stream: TextStream) -> None:
        answer = source.whole()
        try:
            with _loss_told(), _accidents_told():
                write_answer(source.title, answer, stream)
        finally:
            _flush(stream)

    return show


def write_json(title: str, answer: Any, stream: TextStream) -> None:
    """Writes JSON: four blanks a level, members in the answer's order, no escapes; nothing for `{}`."""
    import json

    del title
    if answer != {}:
        # What JSON cannot say, the result of `--query '&x'`, comes back: "Circular reference" is reported.
        json.dump(answer, stream, indent=4, ensure_ascii=False, default=lambda value: value)
        stream.write("\n")


def _show_text(source: _Source, stream: TextStream) -> None:
    from entrepot.cli.aws.output.text_format import write_text

    try:
        for items in source.items():
            with _accidents_told():
                write_text(items, stream)
    finally:
        _flush(stream)


def _show_yaml_stream(source: _Source, stream: TextStream) -> None:
    from entrepot.cli.aws.output.yaml_format import write_yaml_item

    for page in source.pages():
        if page == {} and not source.is_listing:
            return
        try:
            with _loss_told(), _accidents_told():
                write_yaml_item(page, stream)
        finally:
            _flush(stream)


def _show_nothing(source: _Source, stream: TextStream) -> None:
    del stream
    source.whole()


def _flush(stream: TextStream) -> None:
    # What cannot be flushed now shows again when the process ends, and makes its exit code 120 then.
    with contextlib.suppress(OSError):
        stream.flush()


@contextlib.contextmanager
def _loss_told() -> Iterator[None]:
    """Ignores a reader who goes away; raises OutputLost where an output cannot be kept, as on a full disk.

    The AWS CLI says nothing there and ends with 0, and whoever redirected it has half of an answer.
    """
    try:
        yield
    except BrokenPipeError:
        return
    except OSError as error:
        raise OutputLost(error.strerror or str(error)) from error


class _ClosedOutput:
    """Stands for a standard output that was closed before the program began (`>&-`)."""

    def write(self, text: str, /) -> object:
        raise OutputError("Standard output is closed.")

    def flush(self) -> None:
        raise OutputError("Standard output is closed.")


class _accidents_told:  # noqa: N801 - reads as what it does where it is used
    """Turn what a format stumbles over into an OutputError.

    That is half a surrogate pair, rows of different lengths, and what only odd queries make. The messages are
    Python's own, as those of the AWS CLI are.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, _ACCIDENTS):
            raise OutputError(str(error)) from error
